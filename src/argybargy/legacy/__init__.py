"""The first Argybargy: its database, turned into lines of an import.

It only reads; what it makes goes the way of every other import. `database` reads the
tables of the first Argybargy, and `conversion.convert` turns them into lines and
says what had to change.
"""
