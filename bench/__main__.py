"""`make bench`: all measurements."""

from bench.press import main

if __name__ == "__main__":
    raise SystemExit(main())
