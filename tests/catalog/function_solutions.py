"""Solutions of the problems in prompts/python_functions, a function for each."""


def reverse_text(text: str) -> str:
    return text[::-1]


def count_vowels(text: str) -> int:
    return sum(letter in "aeiou" for letter in text.lower())


def shout(text: str) -> str:
    return text.upper() + "!"


def first_word(sentence: str) -> str:
    words = sentence.split()
    return words[0] if words else ""


def reads_both_ways(text: str) -> bool:
    letters = text.replace(" ", "").lower()
    return letters == letters[::-1]


def initials(name: str) -> str:
    return "".join(f"{part[0].upper()}." for part in name.split())


def shared_start(words: list[str]) -> str:
    if not words:
        return ""
    start = words[0]
    for word in words[1:]:
        while not word.startswith(start):
            start = start[:-1]
    return start


def is_balanced(text: str) -> bool:
    pairs = {")": "(", "]": "[", "}": "{"}
    still_open = []
    for character in text:
        if character in "([{":
            still_open.append(character)
        elif character in pairs and (not still_open or still_open.pop() != pairs[character]):
            return False
    return not still_open


def larger(a: int, b: int) -> int:
    return a if a > b else b


def is_even(number: int) -> bool:
    return number % 2 == 0


def distance(a: int, b: int) -> int:
    return abs(a - b)


def clamp(number: int, low: int, high: int) -> int:
    return max(low, min(number, high))


def digit_sum(number: int) -> int:
    return sum(int(digit) for digit in str(abs(number)))


def is_leap_year(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def roman_numeral(number: int) -> str:
    signs = ["M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"]
    values = [1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1]
    numeral = ""
    for sign, value in zip(signs, values, strict=True):
        count, number = divmod(number, value)
        numeral += sign * count
    return numeral


def total(numbers: list[int]) -> int:
    return sum(numbers)


def last_or_none(values: list) -> object:
    return values[-1] if values else None


def doubled(numbers: list[int]) -> list[int]:
    return [2 * number for number in numbers]


def count_equal(values: list, wanted: object) -> int:
    return sum(value == wanted for value in values)


def without_repeats(values: list) -> list:
    return list(dict.fromkeys(values))


def rotate_left(values: list, steps: int) -> list:
    start = steps % len(values) if values else 0
    return values[start:] + values[:start]


def flatten(values: list) -> list:
    flat = []
    for value in values:
        flat += flatten(value) if isinstance(value, list) else [value]
    return flat


def merge_intervals(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def in_stock(stock: dict[str, int], article: str) -> int:
    return stock.get(article, 0)


def sorted_keys(table: dict[str, int]) -> list[str]:
    return sorted(table)


def total_price(prices: dict[str, int]) -> int:
    return sum(prices.values())


def inverted(table: dict[str, int]) -> dict[int, str]:
    return {value: key for key, value in table.items()}


def count_words(text: str) -> dict[str, int]:
    counts = {}
    for word in text.lower().split():
        counts[word] = counts.get(word, 0) + 1
    return counts


def group_by_length(words: list[str]) -> dict[int, list[str]]:
    groups = {}
    for word in words:
        groups.setdefault(len(word), []).append(word)
    return groups


def add_counts(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    added = dict(first)
    for key, count in second.items():
        added[key] = added.get(key, 0) + count
    return added


def dotted_keys(nested: dict) -> dict:
    flat = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{rest}": inner for rest, inner in dotted_keys(value).items()})
        else:
            flat[key] = value
    return flat
