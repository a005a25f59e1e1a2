"""Who may do what: members and roles, tokens, sign-in, rights."""
