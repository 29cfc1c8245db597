"""How a file comes to have the tables of schema.py. A revision, once released, is never changed."""
