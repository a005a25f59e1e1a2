"""Pure rules: no clock read, no I/O, no Django."""
