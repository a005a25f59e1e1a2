"""The table of test_settings_table.py: setting, wrong value, what the sentence has to say."""

LONG = "q7Rk-" * 20
KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="  # 32 bytes
URL = "postgresql://ada:hunter2secret@"
NO_PORT = "no whole number from 1 to 65535: write such a number, or unset it for 8000."
NO_BIND = "no IP address: write one of this machine"
NO_DATABASE = "no address of a PostgreSQL database: write postgresql://user:password@host:port/name"
NO_ENGINE = "no address of an engine: write unix:///path/to/docker.sock or tcp://host:port."
NO_REGISTRY = "no address of a registry: write host[:port][/prefix]"
NO_URL = "no address of a host: write http://host[:port] or https://host[:port]."
NO_RANGE = "is neither host nor range: write such as git.example, 10.1.2.3 or 10.1.0.0/16"
NO_PROXY = "is neither address nor range: write such as 127.0.0.1 or 10.1.0.0/16"
NO_TOPIC = "is no topic: write letters, digits and . _ -"
NO_FLAG = "neither true nor false: write one of them, or unset it for false."
SHORT_KEY = "is too short or too uniform: write at least 50 random characters"
NO_KEY = "is no key: write keys as `python3 -c"
NO_FILE = "cannot be read (No such file or directory): write the path of a file that this user may read."

CASES = [
    ("PORT", "abc", NO_PORT),
    ("PORT", "0", NO_PORT),
    ("PORT", "65536", NO_PORT),
    ("PORT", "-1", NO_PORT),
    ("PORT", "8000 # web", NO_PORT),
    ("PORT", "9" * 5000, NO_PORT),
    ("BUILDHUB_BIND", "everywhere", NO_BIND),
    ("BUILDHUB_BIND", "127.0.0.1:8000", NO_BIND),
    ("BUILDHUB_BIND", "300.1.1.1", NO_BIND),
    ("BUILDHUB_DATA_DIR", "/etc", "it holds what is not BuildHub's ("),
    ("BUILDHUB_DATA_DIR", "/etc/passwd", "there is a file, no directory: name another directory in BUILDHUB_DATA_DIR."),
    ("BUILDHUB_DATA_DIR", "/etc/passwd/var", "there is a file, no directory: name another directory"),
    ("BUILDHUB_PUBLIC_URL", "buildhub.example", NO_URL),
    ("BUILDHUB_PUBLIC_URL", "ftp://buildhub.example", NO_URL),
    ("BUILDHUB_PUBLIC_URL", "https://", NO_URL),
    ("BUILDHUB_PUBLIC_URL", "https://*", NO_URL),
    ("BUILDHUB_PUBLIC_URL", "https://.example", NO_URL),
    ("BUILDHUB_PUBLIC_URL", "https://buildhub.example:http", NO_URL),
    ("BUILDHUB_PUBLIC_URL", "https://build hub.example", NO_URL),
    ("BUILDHUB_PUBLIC_URL", "https://buildhub.example/ci", "BuildHub has to be at the root: write http://host[:port]"),
    ("BUILDHUB_PUBLIC_URL", "https://buildhub.example?a=b", "BuildHub has to be at the root: write http://host[:port]"),
    ("BUILDHUB_PUBLIC_URL", "https://ada:hunter2@buildhub.example", "a user stands before the host: write http://host"),
    ("DATABASE_URL", "mysql://ada:hunter2secret@db.example/buildhub", NO_DATABASE),
    ("DATABASE_URL", f"{URL}db.example:54x2/buildhub", NO_DATABASE),
    ("DATABASE_URL", f"{URL}db.example:70000/buildhub", NO_DATABASE),
    ("DATABASE_URL", f"{URL}db.example:0/buildhub", NO_DATABASE),
    ("DATABASE_URL", "postgresql://ada:hunter2/secret@db.example/buildhub", NO_DATABASE),
    ("DATABASE_URL", f"{URL}db.example:5432", "names no database, or more than one: write postgresql://"),
    ("DATABASE_URL", f"{URL}db.example/buildhub?hunter2=x", "no option of PostgreSQL: write such as ?sslmode=require"),
    ("DOCKER_HOST", "garbage", NO_ENGINE),
    ("DOCKER_HOST", "127.0.0.1:2375", NO_ENGINE),
    ("DOCKER_HOST", "tcp://127.0.0.1", NO_ENGINE),
    ("DOCKER_HOST", "tcp://127.0.0.1:docker", NO_ENGINE),
    ("DOCKER_HOST", "unix://docker.sock", NO_ENGINE),
    ("DOCKER_HOST", "npipe:////./pipe/docker_engine", NO_ENGINE),
    ("DOCKER_HOST", "http://127.0.0.1:2375", NO_ENGINE),
    ("DOCKER_HOST", "ssh://ada@engine.example", "BuildHub does not reach an engine through ssh: write unix:///"),
    ("BUILDHUB_REGISTRY", "https://registry.example", "a registry has no scheme here: write host[:port][/prefix]"),
    ("BUILDHUB_REGISTRY", "registry .example", "it holds a blank: write host[:port][/prefix]"),
    ("BUILDHUB_REGISTRY", "registry", "write its domain or its port too, such as registry:443."),
    ("BUILDHUB_REGISTRY", "registry.example:0", NO_REGISTRY),
    ("BUILDHUB_REGISTRY", "registry.example:99999", NO_REGISTRY),
    ("BUILDHUB_REGISTRY", "registry.example/", NO_REGISTRY),
    ("BUILDHUB_REGISTRY", "registry.example/Team", NO_REGISTRY),
    ("BUILDHUB_REGISTRY", "registry.example/team:1", NO_REGISTRY),
    ("BUILDHUB_REGISTRY", "ada:hunter2@registry.example", NO_REGISTRY),
    ("BUILDHUB_REGISTRY_USER", "ada", "it has no password: write that in BUILDHUB_REGISTRY_PASSWORD, or unset both."),
    ("BUILDHUB_REGISTRY_USER", "ada:x", "no user of a registry: write up to 200 characters, no colon among them."),
    ("BUILDHUB_REGISTRY_PASSWORD", "hunter2", "it has no user: write that in BUILDHUB_REGISTRY_USER, or unset both."),
    ("BUILDHUB_REGISTRY_PASSWORD_FILE", "/nowhere/secret", NO_FILE),
    ("BUILDHUB_ADMIN_USERNAME", "ada lovelace", "no user name: write up to 150 letters, digits and @ . + - _."),
    ("BUILDHUB_ADMIN_USERNAME", "a" * 151, "no user name: write up to 150 letters"),
    ("BUILDHUB_ADMIN_PASSWORD", "hunter2", "is too short: write at least 8 characters."),
    ("BUILDHUB_ADMIN_PASSWORD", "iloveyou123", "is among the passwords that everybody tries: write another one."),
    ("BUILDHUB_ADMIN_PASSWORD", "83920174650283", "has only digits: write other signs too."),
    ("BUILDHUB_ADMIN_PASSWORD", "xadminx9", "is too much like the user name: write another one."),
    ("BUILDHUB_ADMIN_PASSWORD_FILE", "/nowhere/secret", NO_FILE),
    ("BUILDHUB_WORKERS", "0", "no whole number from 1 to 256: write such a number, or unset it for"),
    ("BUILDHUB_WORKERS", "four", "no whole number from 1 to 256: write such a number"),
    ("BUILDHUB_TOPICS", "linux,arm 64", f"'arm 64' {NO_TOPIC}"),
    ("BUILDHUB_TOPICS", "-linux", NO_TOPIC),
    ("BUILDHUB_TOPICS", "topic:linux", "`topic:` is for build servers: write only linux."),
    ("BUILDHUB_TOPICS_ONLY", "1", NO_FLAG),
    ("BUILDHUB_LOG_LIMIT_MB", "0", "no whole number from 1 to 102400: write such a number, or unset it for 256."),
    ("BUILDHUB_LOG_LIMIT_MB", "256MB", "no whole number from 1 to 102400: write such a number, or unset it for 256."),
    (
        "BUILDHUB_REPOSITORY_LIMIT_MB",
        "0",
        "no whole number from 1 to 1048576: write such a number, or unset it for 2048.",
    ),
    (
        "BUILDHUB_CONTEXT_LIMIT_MB",
        "2GB",
        "no whole number from 1 to 1048576: write such a number, or unset it for 2048.",
    ),
    (
        "BUILDHUB_CONTEXT_STORE_MB",
        "0",
        "no whole number from 1 to 104857600: write such a number, or unset it for 10240.",
    ),
    ("BUILDHUB_QUEUE_LIMIT", "many", "no whole number from 1 to 10000000: write such a number, or unset it for 10000."),
    ("BUILDHUB_OUTBOUND_ALLOW", "10.0.0.0/33", NO_RANGE),
    ("BUILDHUB_OUTBOUND_ALLOW", "git.example,10.0.0.999", NO_RANGE),
    ("BUILDHUB_OUTBOUND_ALLOW", "10.1.2.3/16", "10.1.2.3/16 names an address within a range: write 10.1.0.0/16"),
    ("BUILDHUB_OUTBOUND_ALLOW", "https://git.example", NO_RANGE),
    ("BUILDHUB_OUTBOUND_ALLOW", "*.example", NO_RANGE),
    ("BUILDHUB_OUTBOUND_ALLOW", "git.example:8080", NO_RANGE),
    ("BUILDHUB_OUTBOUND_ALLOW", "git.example ssh.example", NO_RANGE),
    ("BUILDHUB_TRUSTED_PROXIES", "proxy.example", NO_PROXY),
    ("BUILDHUB_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/33", NO_PROXY),
    ("BUILDHUB_TRUSTED_PROXIES", "*", NO_PROXY),
    ("BUILDHUB_TRUSTED_PROXIES", "127.0.0.1 10.0.0.1", NO_PROXY),
    ("BUILDHUB_TRUSTED_PROXIES", "10.1.2.3/16", "10.1.2.3/16 names an address within a range: write 10.1.0.0/16"),
    ("BUILDHUB_SECRET_KEY", "hunter2", SHORT_KEY),
    ("BUILDHUB_SECRET_KEY", "a" * 60, SHORT_KEY),
    ("BUILDHUB_SECRET_KEY_FILE", "/nowhere/secret", NO_FILE),
    ("BUILDHUB_CREDENTIAL_KEYS", "hunter2", f"key 1 of 1 {NO_KEY}"),
    ("BUILDHUB_CREDENTIAL_KEYS", f"{KEY},hunter2", f"key 2 of 2 {NO_KEY}"),
    ("BUILDHUB_CREDENTIAL_KEYS", f"{KEY},", f"key 2 of 2 {NO_KEY}"),
    ("BUILDHUB_CREDENTIAL_KEYS_FILE", "/nowhere/secret", NO_FILE),
    ("BUILDHUB_V1_ENVELOPE", "yes", NO_FLAG),
    ("BUILDHUB_DEBUG", "1", NO_FLAG),
]
