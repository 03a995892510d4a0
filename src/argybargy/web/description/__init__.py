"""Generated descriptions of the API: the manifest and the OpenAPI document.

Both are made from the tables of routes and the types of bodies, never written by hand.
`manifest` has the endpoints ``GET /`` and ``GET /llms.txt``, `openapi.openapi_json`
makes the document, and `field_rules` has the JSON Schema rules of single fields.
"""
