"""The kinds of steps, one file a kind: fields, what makes them valid, and the form in which they are stored."""
