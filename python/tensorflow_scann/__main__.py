"""`python -m tensorflow_scann`: the same as `tensorflow-scann`."""

from .cli import main

if __name__ == "__main__":
    main()
