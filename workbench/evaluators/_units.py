"""Units, currencies and magnitudes that may stand at a number.

>>> unit_of("kilometres"), unit_of("mW"), unit_of("MW"), unit_of("bananas")
('km', 'mW', 'MW', '')
"""

import re

# A unit is its name, then other spellings.
_TABLE = """
% percent pct percentage | ‰ permille | $ USD US$ dollar dollars bucks | ¢ cent cents
€ EUR euro euros | £ GBP | ¥ JPY CNY RMB yen yuan | ₹ INR Rs rupee rupees | ₩ KRW won
₽ RUB rouble roubles ruble rubles | ₺ TRY lira | CHF franc francs
kr SEK NOK DKK krona kronor krone kroner | R$ BRL reais | A$ AUD | C$ CAD | zł PLN zloty
nm nanometer nanometers nanometre nanometres | µm um micrometer micrometers micron microns
mm millimeter millimeters millimetre millimetres
cm centimeter centimeters centimetre centimetres | m meter meters metre metres
km kilometer kilometers kilometre kilometres kms | inch inches | ft foot feet | yd yard yards
mi mile miles | µg mcg microgram micrograms | mg milligram milligrams
g gram grams gramme grammes | kg kilogram kilograms kilo kilos kgs | lb lbs | oz ounce ounces
ton tons tonne tonnes | ms millisecond milliseconds | s sec secs second seconds
min mins minute minutes | h hr hrs hour hours | day days | week weeks wk | month months
year years yr yrs year-old years-old | ml mL milliliter milliliters millilitre millilitres
cl centiliter centiliters centilitre | l L liter liters litre litres | gal gallon gallons
°C C celsius | °F F fahrenheit | ° degree degrees deg | Hz hertz | kHz | MHz | GHz
mW milliwatt milliwatts | W watt watts | kW kilowatt kilowatts | MW megawatt megawatts | kWh
V volt volts | mA | A amp amps ampere amperes | N newton newtons | J joule joules | kJ
cal calorie calories | kcal | Pa | kPa | byte bytes | KB kB kilobyte kilobytes
MB megabyte megabytes | GB gigabyte gigabytes | TB terabyte terabytes | bit bits | px pixel pixels
mph | km/h kmh kph km/hr | m/s | rpm | ha hectare hectares | acre acres | am a.m. a.m AM A.M.
pm p.m. p.m PM P.M. | ordinal st nd rd th | bps bp | ppm | ppb | pp
"""
# Of a time of day.
ZONES = (
    *("UTC", "GMT", "CET", "CEST", "MEZ", "BST", "IST", "JST", "KST", "AEST", "ET", "PT"),
    *("EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"),
)
_HALF = r"(?:[ap]\.?m\.?|[AP]\.?M\.?)"
_SPELLINGS = {
    spelling: unit.split()[0]
    for unit in re.split(r"\||\n", _TABLE.strip())
    for spelling in unit.split()
}
_SHORT = [spelling for spelling in _SPELLINGS if len(spelling) < 4 or not spelling.isalpha()]
_LONG = [spelling for spelling in _SPELLINGS if len(spelling) >= 4 and spelling.isalpha()]
CURRENCIES = {*"$¢€£¥₹₩₽₺", "CHF", "kr", "R$", "A$", "C$", "zł"}  # names of units
# Only directly at a number: 5in, 3rd. `m` and `s` may follow a space, `in` and `a` are words.
_ATTACHED = ("st", "nd", "rd", "th")
_PREFIXED = ("US$", "A$", "C$", "R$", "HK$", "$", "€", "£", "¥", "₹", "₩", "₽", "₺", "₫", "฿")
_CODES = ("USD", "EUR", "GBP", "JPY", "INR", "CHF", "AUD", "CAD", "CNY", "Rs.", "Rs")
# Powers of ten.
MAGNITUDES = {
    word: power
    for power, words in (
        (2, "hundred hundert 百 백"),
        (3, "thousand tausend mil mille mila тыс тысяч тысяча тысячи हज़ार हजार 千 천"),
        (4, "万 萬 만"),
        (5, "lakh lac लाख"),
        (6, "million millionen millón millones milhão milhões milione milioni miljoen milyon"),
        (6, "млн миллион миллиона миллионов"),
        (7, "crore करोड़"),
        (8, "億 亿 억"),
        (9, "billion milliarde milliarden milliard miliardo miliardi bilhão bilhões milyar"),
        (9, "млрд миллиард миллиарда миллиардов"),
        (12, "trillion billionen billón billones 兆 조"),
    )
    for word in words.split()
}
SUFFIXES = {
    suffix: power
    for power, suffixes in (
        *((3, "k K tsd Tsd grand"), (6, "M mn mln mio Mio"), (7, "cr Cr")),
        *((9, "B bn mrd Mrd"), (12, "T tn")),
    )
    for suffix in suffixes.split()
}


def _alternatives(words: object) -> str:
    assert isinstance(words, (list, tuple, dict))
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_END = r"(?![^\W\d_\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
CURRENCY = rf"(?:{_alternatives(_PREFIXED)}|(?:{_alternatives(_CODES)})(?![A-Za-z]))"
MAGNITUDE = (
    rf"(?:[ -]?(?:(?i:{_alternatives([word for word in MAGNITUDES if len(word) > 1])})s?{_END}"
    rf"|[{''.join(word for word in MAGNITUDES if len(word) == 1)}]))"
)
SUFFIX = rf"(?:[ ]?(?:{_alternatives(SUFFIXES)}){_END})"
_SPACED = [spelling for spelling in _SHORT if spelling not in _ATTACHED]
UNIT = (
    rf"(?:(?:[ ]?{_HALF})?[ ](?:{_alternatives(ZONES)}){_END}|"
    rf"[ ](?:per cent|miles per hour|percentage points?){_END}|"
    rf"(?:{_alternatives(_ATTACHED)}|in){_END}|[ ]?(?:square |cubic |sq\.? )?"
    rf"(?:{_alternatives(_SPACED)}|(?i:{_alternatives(_LONG)}))(?:[²³]|\^[23])?{_END}"
    rf"|-(?i:{_alternatives(_LONG)}){_END}(?:-old)?)"
)


def exponent_of(magnitude: str) -> int:
    """The power of ten of magnitude words: 9 of `thousand million`."""
    words = re.findall(_alternatives(MAGNITUDES), magnitude.lower())
    return sum(MAGNITUDES[word] for word in words)


def unit_of(text: str) -> str:
    """The unit of a spelling that `UNIT` or `CURRENCY` matched; empty: no unit."""
    half, _, zone = text.strip().rpartition(" ")
    if zone in ZONES:
        return f"{unit_of(half) if half else ''} {zone}"
    bare = text.strip(" -.") if text.strip() not in _SPELLINGS else text.strip()
    bare = bare.removesuffix("s") if bare == "percentage points" else bare
    bare = {
        "per cent": "%",
        "miles per hour": "mph",
        "percentage point": "pp",
        "in": "inch",
        "HK$": "HK$",
    }.get(bare, bare)
    power = next((sign for sign in "²³" if bare.endswith(sign)), "")
    power = power or {"^2": "²", "^3": "³"}.get(bare[-2:], "")
    bare = bare.removesuffix("²").removesuffix("³").removesuffix("^2").removesuffix("^3")
    for word, sign in (("square ", "²"), ("sq ", "²"), ("sq. ", "²"), ("cubic ", "³")):
        if bare.startswith(word):
            bare, power = bare.removeprefix(word), sign
    name = _SPELLINGS.get(bare) or _SPELLINGS.get(bare.lower().removesuffix("-old"))
    return f"{name}{power}" if name else (bare if bare in _PREFIXED else "")
