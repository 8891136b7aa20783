"""Words and signs that make a number a bound or an approximation, in the languages that are read.

>>> is_bounded("es sind mindestens "), is_bounded("es sind "), is_approximate("环比增长大约")
(True, False, True)
>>> goes_beyond(" o más"), goes_beyond("以上"), goes_beyond(" apples")
(True, True, False)
"""

import re
import unicodedata

# Phrases directly before a number, or before its article; languages begin a line each.
_BOUNDS = r"""
at (?:the )?(?:very )?(?:least|most)|(?:more|less|fewer|greater|larger|smaller) than
(?:bigger|higher|lower|older|younger) than|than or equal to|over|under|above|below|up to|beyond
within|exceed(?:s|ing)?|upwards? of|north of|south of|shy of|short of|until|till
as (?:many|few|much|little|high|low) as|impossible to \w+|(?:wrong|incorrect)(?: answer)?:?
(?:minimum|maximum)(?: of)?|max\.?|min\.?|rather than|instead of|unlike|never|cannot be|between
(?:all|anything|everything) but|except(?: for)?|excluding|other than|apart from|besides
(?:square|cube|root|reciprocal|inverse|opposite|multiple|power|factorial|logarithm|log) of
(?:negative|half|thirds?|quarters?|tenths?|fraction|percentage) of|times|thrice|half|twice|double
triple|minus|negative|plus|log|ln|sin|cos|tan|sqrt|(?:half|quarter) (?:past|to|after|before)
mindestens|wenigstens|höchstens|(?:mehr|weniger|größer|kleiner|höher) als|nicht|kein|über|unter
bis(?: zu)?|maximal|minimal|jenseits von
au (?:moins|plus)|(?:plus|moins) (?:de|que)|supérieure? à|inférieure? à|pas|jusqu'(?:à|au)
au-delà de|au-dessus de|tout au plus
(?:más|menos|mayor|menor) (?:de|que)|al menos|por lo menos|como (?:mínimo|máximo|mucho|poco)
a lo (?:sumo|más)|no es|hasta|superior a|inferior a
pelo menos|no (?:mínimo|máximo)|(?:mais|menos) (?:de|do que|que)|maior (?:do )?que
menor (?:do )?que|não é|até|acima de|abaixo de|ao menos
almeno|al (?:massimo|minimo)|(?:più|meno) (?:di|che)|maggiore di|minore di|non è|oltre|fino a
non (?:più|meno) di
не|(?:не )?(?:более|менее|больше|меньше)(?: чем)?|свыше|до|как минимум|максимум|минимум
по (?:крайней|меньшей) мере|выше|ниже
minstens|hoogstens|ten (?:minste|hoogste)|(?:meer|minder|groter|kleiner) dan|tot|maximaal
minimaal
co (?:najmniej|najwyżej)|najwyżej|(?:więcej|mniej) niż|ponad|poniżej|powyżej
minst|högst|(?:mer|mindre) än|över|upp till|mindst|højst|(?:mere|mindre) end|op til
(?:mer|mindre) enn|høyst|vähintään|enintään|yli|korkeintaan|(?:enemmän|vähemmän) kuin
en (?:az|fazla|çok)|legalább|legfeljebb|(?:több|kevesebb) mint|alespoň|nejvýše|(?:více|méně) než
nejméně|cel (?:puțin|mult)|peste|sub|mai (?:mult|puțin) de
τουλάχιστον|το πολύ|πάνω από|κάτω από|(?:περισσότερ|λιγότερ)\w+ από|щонайменше|щонайбільше
(?:більше|менше) (?:ніж|за)|понад
setidaknya|paling (?:sedikit|banyak)|(?:lebih|kurang) dari|sekurang-kurangnya|ít nhất|nhiều nhất
(?:hơn|dưới|trên)|tối (?:đa|thiểu)
(?:أكثر|أقل|أكبر|أصغر) من|على (?:الأقل|الأكثر)|حتى|לפחות|לכל היותר|(?:יותר|פחות) מ-?|कम से कम
(?:से )?(?:अधिक|ज़्यादा|कम)(?: से अधिक)?|حداقل|حداکثر|بیش از|کمتر از
"""
_APPROXIMATIONS = r"""
about|approximately|approx\.?|around|roughly|nearly|almost|circa|ca\.?|close to|near|approaching
an? estimated|estimated at|some|in the (?:region|neighbou?rhood) of|on the order of
etwa|ungefähr|zirka|rund|knapp|fast|beinahe|annähernd|gut|um die|environ|près de|presque
quasiment|à peu près|autour de
unos|unas|aproximadamente|alrededor de|cerca de|casi|por volta de|em torno de|quase|cerca di
circa|quasi|all'incirca|più o meno|más o menos|mais ou menos
ongeveer|bijna|rond|zowat|около|примерно|почти|приблизительно|порядка|około|prawie|niemal
mniej więcej|близько|приблизно|майже
cirka|ungefär|omkring|nästan|runt|næsten|omtrent|nesten|noin|melkein|yaklaşık|neredeyse
körülbelül|majdnem|asi|přibližně|zhruba|téměř|aproximativ|circa|περίπου|σχεδόν
sekitar|hampir|kira-kira|khoảng|gần|حوالي|تقريبا|تقريبًا|نحو|בערך|כמעט|लगभग|करीब|तकरीबन|تقریباً
حدود
"""
_ARTICLE = r"(?:(?:the|an?|der|die|das|les?|la|el|los|las|os?|as?|il)\s+)?"
_UNSPACED_BOUND = (
    r"至少|最[多少大小高低]|起[码碼]|不[到足是]|[不未]?超[过過]|不?[多少高低大小]\s?[于於過过]|未[到满滿]|逾|"
    r"少なくとも|多くとも|せいぜい|最[大小低高](?:でも?|限)|최[소대고저]|적어도|많아야|기껏해야|무려|"
    r"อย่างน้อย|อย่างมาก|มากกว่า|น้อยกว่า|ไม่เกิน"
)
_UNSPACED_ABOUT = (
    r"[约約]|大[约約概]|[将將]?近|接近|[几幾]乎|差不多|估[计計]|おおよそ|およそ|ほぼ|だいたい|"
    r"약|거의|대략|얼추|ประมาณ|ราว|เกือบ"
)


def _phrases(table: str) -> str:
    return "|".join(table.split("\n")[1:-1])


_BOUNDED = re.compile(
    rf"(?<![^\W_])(?:{_phrases(_BOUNDS)})\s+{_ARTICLE}$|(?:\bnot|n't)(?:\s+[a-z]+){{0,2}}\s+$|"
    rf"(?:{_UNSPACED_BOUND})[はがでの은는이가도]?\s?$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    rf"(?:~\s?|(?:{_UNSPACED_ABOUT})\s?|(?<![^\W_])(?:{_phrases(_APPROXIMATIONS)})\s+{_ARTICLE})$",
    re.IGNORECASE,
)
_COMPARED = re.compile(r"(?:(?<![=-])>|<|>=|<=|!=|±)\s?$|(?:>|<)=\s?$")
_PLAIN_SIGNS = "=+|~<>±¬∴∵⇔⟹⟶↦⟺→⇒"  # mathematical ones that don't bound the number behind them
_MORE = (
    r"mehr|weniger|höher|plus|moins|más|menos|mais|più|meno|более|менее|больше|меньше|meer|minder|"
    r"więcej|mniej|mer|mere|mindre|flere|több|kevesebb|více|méně|lebih|kurang|fazla|daha|enemmän|"
    r"hơn|more|less|fewer|higher|lower|greater|above|below|up|over|under|beyond|thereabouts|"
    r"a\s+half|a\s+quarter|one\s+half|three\s+quarters|older|younger|longer|later|earlier|"
    r"counting|change|upwards?"
)
_COUNTERS = "個个人岁歳円元年月日天名件回本枚冊点分秒位家条次歩歳개명살원년월일분초번"
_BEHIND = re.compile(
    rf"\s?[{_COUNTERS}]?\s?(?:以[上下內内外]|未[満满滿]|이상|이하|미만|초과)|"
    rf"[{_COUNTERS}]?(?:[多余餘强強弱超]|여)(?![\u4e00-\u9fff]{{3}})|"
    rf"\s+[^\W\d_]{{1,5}}\s+(?:{_MORE})\b|"
    r"\s*[(,]?\s*(?:max|min|maximum|minimum|maximal|minimal|mindestens|höchstens|tops|upwards|"
    r"at\s+(?:the\s+)?(?:least|most|minimum|maximum))\b(?!\s+(?:I|we|in|for|to|that)\b)",
    re.IGNORECASE,
)
_ABOUT_BEHIND = re.compile(
    rf"\s?[{_COUNTERS}]?\s?(?:左右|上下|前[後后]|程度|ほど|くらい|ぐらい|あまり|정도|쯤|가량|안팎)|"
    r"\s*[(,]?\s*(?:approx|approximately|roughly|circa|environ|ungefähr|etwa|aproximadamente|"
    r"or\s+so|give\s+or\s+take|more\s+or\s+less|or\s+thereabouts|yaklaşık|примерно|приблизительно)\b",
    re.IGNORECASE,
)


def is_bounded(before: str) -> bool:
    """True if the text before a number makes it a bound, or a part of another number."""
    sign = before.rstrip()[-1:]
    is_relation = bool(sign) and unicodedata.category(sign) == "Sm" and sign not in _PLAIN_SIGNS
    return is_relation or bool(_COMPARED.search(before) or _BOUNDED.search(before))


def is_approximate(before: str) -> bool:
    """True if the text before a number makes it an approximation: `about 42`, `~42`."""
    return bool(_ABOUT.search(before))


def is_emphasized(before: str, after: str) -> bool:
    """True if the mark behind a number is no factorial: `The answer is 42!`, but not `10! ways`."""
    is_sentence = re.search(r"[^\W\d_]{2}[^\n.!?]*[^-\n+*/^=(]$", before.rstrip())
    ends = re.match(r"!+(?:[*_\"'`)\]]*\s*$|[*_\"'`)\]]*\s+(?:[^a-z\W\d_]|\n))", after)
    counted = r"ways?|permut|arrang|combin|order|factorial|product|probab|n\s*="
    return bool(is_sentence and ends and not re.search(counted, before, re.IGNORECASE))


def goes_beyond(after: str) -> bool:
    """True if the text behind a number makes it a bound: `42 or more`."""
    return bool(_BEHIND.match(after))


def is_approximate_behind(after: str) -> bool:
    """True if the text behind a number makes it an approximation: `42 or so`, `42左右`."""
    return bool(_ABOUT_BEHIND.match(after))
