"""As in Serving."""

def if_v2(a):
    return a

def if_not_v2(_a):
    return []
