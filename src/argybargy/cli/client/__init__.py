"""The operator API as commands see it: over HTTP, or offline on the data directory.

It finds the relay, sends requests and turns refusals into errors of the command line;
it never prints. `protocol.Operator` is what both ways have in common, `http` and
`offline` are the ways, `locate` chooses one, and `answers` has typed answers.
"""
