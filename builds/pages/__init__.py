"""HTML pages: server-rendered, each with an address of its own; forms work without scripts."""
