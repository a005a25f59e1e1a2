"""A log: lines, how output is split into them, masked, packed and limited."""
