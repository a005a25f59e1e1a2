"""The models of the build API, one serializer each: REST answers, socket frames and callbacks all come from here.

Queries are read by serializers too (parameters.py).

camelCase stands in the names of fields and nowhere else. Nothing here knows a request; what a caller may see is
decided by the `caller` that `Model.tell` is given.
"""
