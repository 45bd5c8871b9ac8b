"""Parses a product feed in pure Python: the task computes, and holds the GIL."""

from celery import Celery

app = Celery("feed", broker="amqp://feed:secret@rabbit.example.com:5672/feed")


def lines_of(count):
    """Return a feed of so many products, as text."""
    return [
        f"SKU-{number};Product {number};{number * 7 % 1000}.{number % 100:02d};{number % 50}"
        for number in range(count)
    ]


@app.task
def parse(count):
    """Add up the value of the stock in a feed."""
    total = 0
    for line in lines_of(count):
        _sku, _name, price, stock = line.split(";")
        whole, cents = price.split(".")
        total += (int(whole) * 100 + int(cents)) * int(stock)
    return total
