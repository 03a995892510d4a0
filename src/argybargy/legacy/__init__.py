"""Import from the original Argybargy.

`database` reads the tables of its database without changing it, and
`conversion.convert` turns them into import lines plus a list of the changed names. The
lines then go through the same import as any others.
"""
