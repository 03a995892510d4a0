"""The rules of one room: a command and the room go in, a decision comes out.

It knows the whole state of a room and every command; it never loads, stores or wakes
anything. `decide.decide` is the way in: it picks the rule in `posting`, `claims`,
`open_close` or `import_restore`. `state.Room` is the value that they change,
`commands` is what may be asked, `writes` what becomes durable, and `transition` one
decision in the making.
"""
