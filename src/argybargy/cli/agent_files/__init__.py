"""Files on this machine for an agent: credentials and instructions.

Credentials are private files. Files of other authors are never overwritten.
`credentials` writes codes and listener scripts, `instructions` writes into an agent's
own instruction file.
"""
