"""Files on this machine for an agent: credentials, and the files of its program.

Credentials are private files. Files of other authors are never overwritten.

=============  =====================================================================
module         content
=============  =====================================================================
credentials    codes and listener scripts
programs       the table of programs, with their files and what of ours is in them
connection     write the files of a program, and take out what was written
receipt        records of what was written, for which seat of which relay
forms          put our part into a file's content, and take it out: pure
json_edit      the same for JSON: pure
text_block     the same for a block between marks: pure
safe_file      read and replace a file without following a link out of a directory
=============  =====================================================================
"""
