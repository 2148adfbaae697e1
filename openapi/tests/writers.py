"""Programs that append what they are told to, one for each client that has a layer by hand: see `clients/python/writers.py`."""

from line_program import LineProgram

# How often and how long they try, unless a test says otherwise.
RETRIES = {"attempts": 5, "pause": 0.02, "patience": 60}


class Writers(LineProgram):
    """Such a program that runs; it has as many clients as it is told of."""

    def together(self, appends: list[dict]) -> list[dict]:
        """What became of appends that began in this order and ran beside one another."""
        self.order(appends)
        return self.became()

    def append(self, url: str, *values: str, **order) -> dict:
        """What became of one append."""
        [outcome] = self.together([append(url, *values, **order)])
        return outcome


def append(url: str, *values: str, client: str = "first", key: str = "orders", settings: dict | None = None, **order) -> dict:
    """The order of an append."""
    return {"client": client, "settings": {"url": url, **RETRIES, **(settings or {})}, "key": key, "values": values, **order}
