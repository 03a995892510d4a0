"""The rules of one room: a room and a command yield a decision.

This package knows the state of a room and all commands; it never loads, stores or wakes
anything. `decide.decide` is the entry point and dispatches to `posting`, `claims`,
`open_close` and `import_restore`. `state.Room` is the value of a room, `commands` and
`writes` are the inputs and effects of decisions, and `transition` is a decision in the
making.
"""
