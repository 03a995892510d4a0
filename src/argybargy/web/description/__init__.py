"""What the relay says of itself: the manifest and the OpenAPI document.

Both are made from the tables of routes and the shapes of bodies, never written by
hand. `manifest` answers those who have nothing but the address, `openapi.openapi_json`
makes the document, and `field_rules` holds the bounds of fields.
"""
