"""Files on this machine that an agent works with.

They hold secrets, so they are private, and what somebody else wrote is never
overwritten. `credentials` keeps codes and listener scripts, `instructions` writes
into an agent's own instruction file.
"""
