"""Files on this machine for an agent: credentials and instructions.

Credentials are private files. Files of other authors are never overwritten.
`credentials` writes codes and listener scripts, `installation` writes into an agent's
own instruction file.
"""
