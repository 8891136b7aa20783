"""Writes problems.jsonl: word problems of two or three steps, the same ones every time.

python prompts/arithmetic/generate.py
"""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

SEED = 20240229
EACH = 10  # problems of each kind; the first half are split dev, the others test

NAMES = ["Ada", "Bruno", "Chen", "Dilek", "Emeka", "Farah", "Goran", "Hana", "Ivo", "Jun"]
THINGS = ["pencils", "stickers", "marbles", "postcards", "buttons", "shells", "stamps", "beads"]

Problem = tuple[str, int]  # the question and its answer


def _boxes(random: Random) -> Problem:
    name, things = random.choice(NAMES), random.choice(THINGS)
    count, size, given = random.randint(3, 9), random.randint(6, 24), random.randint(4, 15)
    return (
        f"{name} has {count} boxes with {size} {things} in each and gives away {given} {things}. "
        f"How many {things} does {name} have left?",
        count * size - given,
    )


def _change(random: Random) -> Problem:
    name, price, count = random.choice(NAMES), random.randint(2, 9), random.randint(3, 8)
    paid = price * count + random.randint(1, 30)
    return (
        f"{name} buys {count} notebooks for {price} dollars each and pays with {paid} dollars. "
        "How many dollars of change are due?",
        paid - price * count,
    )


def _bus(random: Random) -> Problem:
    start, off, on = random.randint(20, 45), random.randint(3, 19), random.randint(2, 18)
    return (
        f"A bus leaves the station with {start} passengers. At the first stop {off} get off and "
        f"{on} get on. At the second stop {on + 1} more get on. How many passengers are on the "
        "bus now?",
        start - off + on + on + 1,
    )


def _pages(random: Random) -> Problem:
    name, daily, days = random.choice(NAMES), random.randint(12, 35), random.randint(3, 6)
    left = random.randint(20, 120)
    return (
        f"{name} reads {daily} pages of a book on each of {days} days. The book has "
        f"{daily * days + left} pages. How many pages are left to read?",
        left,
    )


def _shared(random: Random) -> Problem:
    people, each = random.randint(3, 8), random.randint(4, 15)
    first = random.randint(5, people * each - 5)
    things = random.choice(THINGS)
    return (
        f"One bag holds {first} {things} and another holds {people * each - first}. {people} "
        f"children share all of them equally. How many {things} does each child get?",
        each,
    )


def _garden(random: Random) -> Problem:
    long, wide, price = random.randint(8, 25), random.randint(3, 7), random.randint(2, 9)
    return (
        f"A garden is {long} meters long and {wide} meters wide. A fence around the whole of it "
        f"costs {price} dollars per meter. How many dollars does the fence cost?",
        2 * (long + wide) * price,
    )


def _savings(random: Random) -> Problem:
    name, weekly, weeks = random.choice(NAMES), random.randint(4, 20), random.randint(4, 12)
    start, spent = random.randint(10, 60), random.randint(5, 25)
    return (
        f"{name} has {start} dollars, saves {weekly} dollars a week for {weeks} weeks and then "
        f"spends {spent} dollars. How many dollars does {name} have then?",
        start + weekly * weeks - spent,
    )


def _ages(random: Random) -> Problem:
    younger, older = random.sample(NAMES, 2)
    now, times, years = random.randint(4, 14), random.randint(2, 4), random.randint(2, 9)
    return (
        f"{younger} is {now} years old. {older} is {times} times as old. How old will {older} be "
        f"in {years} years?",
        now * times + years,
    )


def _bakery(random: Random) -> Problem:
    trays, rolls, bag = random.randint(4, 9), random.randint(2, 6), random.randint(3, 8)
    return (
        f"A baker bakes {trays} trays of {rolls * bag} rolls and packs all of them in bags of "
        f"{bag}. How many bags does the baker fill?",
        trays * rolls,
    )


def _trip(random: Random) -> Problem:
    speed, hours = random.randint(4, 9) * 10, random.randint(2, 5)
    rest = random.randint(15, 140)
    return (
        f"A train goes {speed} kilometers an hour for {hours} hours. The whole way is "
        f"{speed * hours + rest} kilometers. How many kilometers are still to go?",
        rest,
    )


KINDS: dict[str, Callable[[Random], Problem]] = {
    "boxes": _boxes,
    "change": _change,
    "bus": _bus,
    "pages": _pages,
    "shared": _shared,
    "garden": _garden,
    "savings": _savings,
    "ages": _ages,
    "bakery": _bakery,
    "trip": _trip,
}


def text() -> str:
    """The whole file: kinds take turns, so that the first rows are a fair sample."""
    random = Random(SEED)  # noqa: S311  nothing here is secret
    lines, asked = [], {""}
    for number in range(1, EACH + 1):
        for name, kind in KINDS.items():
            question, answer = "", 0
            while question in asked:
                question, answer = kind(random)
            asked.add(question)
            row = {
                "id": f"{name}-{number:02}",
                "question": question,
                "answer": str(answer),
                "split": "dev" if number <= EACH // 2 else "test",
            }
            lines.append(json.dumps(row) + "\n")
    return "".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("problems.jsonl").write_text(text(), encoding="utf-8", newline="\n")
