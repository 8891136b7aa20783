"""Clauses by which answers refuse, in ten languages.

>>> find_refusal("I'm sorry, but I can't help with that."), find_refusal("I can't wait to help!")
("I'm sorry, but I can't help", '')
"""

import re

MOST_READ = 400  # characters; a refusal comes first
_QUOTED = re.compile(r"(?:\"[^\"]*\"|「[^」]*」|『[^』]*』)\s*(\S?)")
_MARKS = re.compile(r"\A[\s*_#>\-~`]+")
_SENTENCE = re.compile(r"[^.!?。！？\n]+(?:[.!?。！？\n]+|\Z)")

# Behind `I can't`, `I won't` and the like.
_HELP = (
    r"(?:be able to )?(?:be of help|help(?! but| it\b| \w+ing\b)|assist|aid|support|provide|"
    r"give(?! up| away)|share(?! my (?!instructions|system|prompt))|write(?! with| to you| home|"
    r" back)|create|generate|produce|compose|draft|reproduce(?= (?:copyrighted|song|lyrics|"
    r"the (?:full|entire|complete|text|lyrics)))|fulfil?l?|"
    r"comply|complete|answer|respond|reply|discuss|engage|participate|continue|proceed|"
    r"offer(?! you (?:the|a)\\b)|"
    r"explain|describe|tell you(?! how \w+ )|reveal|disclose|access(?= (?:the (?:internet|web)|"
    r"your|real|external|live|private|that|this|any|websites?|files)\\b)|browse|look up|retrieve|"
    r"process|advise|translate|summari[sz]e|predict|diagnose|prescribe|role-?play|pretend|"
    r"impersonate|accommodate|carry out|perform|execute|endorse|promote|condone|encourage|"
    r"facilitate|express|speculate|comment|teach|guide|walk you|entertain|send|publish|post|"
    r"make (?:that|this|such|any|up|statements|claims|jokes|fun|predictions)|view|verify|"
    r"do (?:that|this|it|so)(?=\s*(?:[.,;:!]|\Z|yet|for you|because|as|since))|"
    r"go (?:there|along)|take part|show you|help with)\b"
    # `can't thank you enough`, `can't give an exact number, but it is about 5`
    r"(?![^.!?]*(?:\benough\b|\b(?:precise|exact|definitive)(?:ly)? (?:\w+ )?(?:number|figure|date|"
    r"value|answer|estimate|count|price|amount|time)|certainty|for (?:certain|sure)|in words|"
    r"\bevery \w+))"
)
_POLICY = (
    r"(?:(?:provide|create|generate|discuss|share|answer) (?!my\b)|(?:engage|participate) in\b|"
    r"(?:assist|help) with\b|role-?play)"
)
_ADVERBS = (
    r"(?:(?:really|simply|just|also|currently|unfortunately|therefore|in good conscience|knowingly|"
    r"directly|legally|ethically|personally) )*"
)
_BREAK = r"(?:[,;:]|\s[-–—])?\s+(?:(?:so|but|and|and so|because|however)\s+)?"
_ENGLISH_LEADS = (
    r"(?:(?:(?:i'm|i am|we're|we are) (?:so |very |really |truly |terribly )?(?:sorry|afraid)"
    r"(?: that)?|sorry|apologies|my apologies|(?:i|we) (?:sincerely )?apologi[sz]e|unfortunately|"
    r"regrettably|respectfully|no|nope|hmm|well|hi|hello|hey|but|so|however|that said|at this time|"
    r"(?:for|due to) [\w ]{1,30} reasons|let me be [\w ]{1,20}|"
    r"(?:thank you|thanks)\b[^.!?]{0,60}?(?=,|\bbut\b))[,;:]?\s+|,\s+)*"
    # a clause before the one that counts
    r"(?:(?:(?:i|we|i'm|we're|i'd|while i|while we|although i)\b|because\b|since\b|"
    r"(?:this|that|your|the) (?:request|question|prompt|topic|content)\b|\w+ing\b(?! like))"
    r"[^.!?\"]{0,120}?(?:,|;|:|\s[-–—])\s+(?:(?:so|but|and|and so)\s+)?)?"
)
_MODEL_NOUN = (
    r"an? (?:ai|a\.i\.|artificial intelligence|(?:large )?language model|llm|assistant|chatbot|"
    r"virtual assistant|machine learning model)\b(?![ -](?:researcher|engineer|expert|powered|"
    r"company|student|developer|scientist|enthusiast|professor|manager|coach|editor))"
)
_NOT = (
    r"(?:(?:can't|cannot|can not|won't|will not|wouldn't|shouldn't|should not|may not|must not)"
    r"(?:,? (?:and|or) (?:can't|cannot|won't|will not))?)"
)
_ABLE = (
    r"(?:(?:'m| am|'re| are) (?:currently |just )?(?:not (?:able|allowed|permitted|authori[sz]ed|"
    r"programmed|designed|equipped|trained|at liberty|in a position|going|willing|supposed|here|"
    r"qualified)|unable|forbidden|prohibited|unwilling) (?:to|from)\b)"
)
_LACKS = (
    r"(?:don't|do not) have (?:the ability|the capability|permission|access to (?:real|"
    r"the internet|"
    r"your|external|live)|(?:any )?(?:personal |my own |own )?(?:opinions?|feelings|beliefs|"
    r"emotions|"
    r"experiences|preferences)\b)"
)
_ENGLISH = re.compile(
    rf"{_ENGLISH_LEADS}(?:"
    rf"i {_ADVERBS}{_NOT} {_ADVERBS}{_HELP}|i{_ABLE} {_ADVERBS}{_HELP}|"
    rf"i {_ADVERBS}(?:don't|do not) {_ADVERBS}{_POLICY}|i {_LACKS}|"
    r"we (?:can't|cannot|won't) (?:go there|assist with|help with|discuss)\b|"
    r"i (?:don't|do not) think i should (?:answer|help|write|do) (?:that|this|with)\b|"
    rf"as {_MODEL_NOUN}[^.!?]{{0,80}}?,?\s+(?:i|we)(?: {_NOT}|{_ABLE}| (?:don't|do not) have\b)|"
    rf"(?:i'm|i am) (?:just |only |still )?{_MODEL_NOUN}[^.!?]{{0,60}}?{_BREAK}(?:i )?"
    rf"(?:{_NOT} {_HELP}|{_LACKS})|"
    rf"(?:i|we)\b[^.!?\"]{{3,60}} and {_NOT} {_HELP}|"
    rf"(?:(?:can't|cannot|won't) (?:help|assist|do that)|(?:not able|unable) to (?:help|assist|"
    rf"comply|"
    r"fulfil))\b|"
    r"(?:i|we)(?:'m| am|'re| are|'ll| will)? ?(?:must|have to|need to|going to have to|"
    r"will have to)? ?"
    r"(?:respectfully |politely )?(?:decline|refuse)\b"
    rf"(?= to (?:{_HELP}|be part|do\b)| (?:this|that|the|your) (?:request|question|one|task|"
    rf"prompt)|"
    r"\s*[.!,;]|\Z)|"
    r"(?:i|we)(?:'m going to|'ll| will)? have to pass\b|i'll pass\b|"
    r"(?:i|we)(?:'m| am|'re| are) (?:really )?not comfortable \w+ing\b|"
    r"(?:i|we) (?:don't|do not) feel comfortable \w+ing\b|"
    rf"(?:i'd|i would|we'd|we would) (?:rather|prefer) not (?:to )?{_HELP}|"
    r"(?:i|we) have no (?:way|ability) (?:to access|of accessing|to see|to view)\b|"
    r"(?:that|this|it|that request|this request)(?:'s| is|'s just)? ?(?:isn't|not|just not|"
    r"nothing)?"
    r" ?something (?:that )?(?:i|we)(?: can't| cannot| won't| can help|'m able|'m willing|"
    r" am able)|"
    r"it (?:would not|wouldn't|would) be (?:appropriate|ethical|right|responsible|inappropriate|"
    r"unethical|irresponsible)(?: for me) to\b|"
    r"(?:that's|that is|this is|it's|it is|this request|your request|that request|this) "
    r"(?:is |goes |falls )?(?:against|outside|beyond|violates) (?:of )?(?:my|our|"
    r"the scope of what (?:i|we)) ?"
    r"(?:guidelines|polic|programming|scope|capabilit|terms|content|usage|safety|rules|principles|"
    r"ethical|can\b)|"
    r"my (?:\w+ )?(?:guidelines|policy|policies|programming|instructions|rules) "
    r"(?:prevent|prohibit|forbid|do not allow|don't allow|does not allow|doesn't allow|keep) me\b|"
    r"(?:your|this) request (?:is|has been|was|can't be|cannot be) (?:denied|declined|refused|"
    r"rejected|"
    r"processed|fulfilled|completed)\b|request (?:denied|declined|refused)[.!]?\s*\Z)",
    re.IGNORECASE,
)
_OTHERS = {
    "de": (
        r"(?:(?:(?:es )?tut mir (?:sehr |wirklich )?leid|leider|entschuldigung|verzeihung|sorry|"
        r"nein|aber|"
        r"ich bedaure)[,;:]?\s+)*(?:"
        r"(?:ich (?:kann|darf|werde|möchte|will|könnte)|(?:dabei|damit|das|dazu|darauf|hierbei|"
        r"darüber|"
        r"hierzu|dies|diese\w* \w+|als \S*(?:ki|sprachmodell|intelligenz|assistent)\S*[^.,]{0,40}) "
        r"(?:kann|darf|werde|möchte|will) ich)\b[^.!?]{0,60}?\b(?:nicht|"
        r"keine?[nrms]?)\b(?! genug| umhin)"
        r"[^.!?]{0,80}?(?:helfen|unterstützen|geben|bereitstellen|erstellen|schreiben|"
        r"beantworten|stellen|"
        r"liefern|anbieten|verraten|teilen|nennen|ausführen|erfüllen|nachkommen|generieren|beraten|"
        r"behilflich sein|erteilen|verfassen|erklären|beschreiben|äußern|herausgeben|tun|machen)\b|"
        r"(?:ich bin|bin ich) (?:\w+ )?nicht (?:in der lage|befugt|berechtigt|dazu da)|"
        r"als \S*(?:ki|sprachmodell|intelligenz|assistent)\S*[^.,]{0,40} habe ich kein|"
        r"ich (?:muss|möchte)\b[^.!?]{0,60}\bablehnen|ich weigere mich|"
        r"das ist mir nicht (?:möglich|erlaubt))"
    ),
    "fr": (
        r"(?:(?:cette (?:demande|requête|question)[^.!?]{0,80}?(?=,)|je suis (?:vraiment |"
        r"sincèrement )?désolée?|désolée?|je regrette|malheureusement|"
        r"je m'excuse|mes excuses|non|mais|toutefois|cependant|en tant qu(?:e |')(?:ia|"
        r"assistant|modèle|"
        r"intelligence)[^.,!?]{0,60})[,;:]?\s+)*(?:"
        r"je ne (?:peux|puis|pourrai|saurais|vais|veux)(?: malheureusement)? pas (?!m'empêcher|"
        r"dire assez)"
        r"(?:(?:vous |te |t'|l'|le |la |les |y |en |me permettre de )*)(?:aider|fournir|"
        r"répondre|donner|"
        r"créer|générer|écrire|rédiger|produire|faire (?:cela|ça)|partager|assister|accéder|"
        r"satisfaire|"
        r"traiter|discuter|divulguer|participer|proposer|expliquer|communiquer|offrir|révéler|"
        r"exprimer|"
        r"accompagner|poser|effectuer)|"
        r"(?<=,\s)je n'ai pas d(?:e |')(?:opinion|avis|sentiment|accès)|"
        r"je ne suis (?:malheureusement )?pas (?:en mesure|autorisée?|capable|habilitée?|"
        r"programmée?)|"
        r"il m'est (?:malheureusement )?impossible|je (?:refuse|décline)|je (?:dois|"
        r"préfère) (?:refuser|décliner|ne pas))"
    ),
    "es": (
        r"(?:(?:lo siento(?: mucho)?|lo lamento|disculpa|disculpe|perdón|perdona|lamentablemente|"
        r"desafortunadamente|pero|no|me temo que|sin embargo|como (?:una |un )?(?:ia|modelo|"
        r"inteligencia|"
        r"asistente)[^.,!?]{0,60})[,;:]?\s+)*(?:"
        r"no (?:puedo|podré|podría|voy a|debo)\s+(?!esperar|creer|evitar|dejar|estar|más)(?:ayudar|"
        r"proporcionar|responder|dar|ofrecer|crear|generar|escribir|redactar|producir|compartir|"
        r"asistir|"
        r"cumplir|atender|hacer (?:eso|esto)|hacerlo|discutir|revelar|participar|acceder|"
        r"explicar|brindar|"
        r"facilitar|contestar|completar|realizar|emitir|expresar|diagnosticar)\w*|"
        r"(?<=,\s)no tengo (?:opinion|sentimiento|acceso|emocion)|"
        r"no (?:me es posible|me está permitido|estoy (?:autorizad|en condiciones|capacitad|"
        r"programad|"
        r"diseñad)|soy capaz)|(?:debo|tengo que) (?:negarme|rechazar|declinar)|me niego)"
    ),
    "it": (
        r"(?:(?:mi dispiace(?: molto)?|spiacente|purtroppo|scusa|scusami|mi scuso|ma|no|"
        r"tuttavia|temo che|"
        r"(?:come|in quanto|essendo) (?:un'|una |un )?(?:ia|ai|modello|intelligenza|"
        r"assistente)[^.,!?]{0,60})"
        r"[,;:]?\s+)*(?:"
        r"non (?:posso|potrò|potrei|intendo|voglio)\s+(?!che|fare a meno|credere|"
        r"aspettare)(?:aiutar|fornir|"
        r"risponder|dar|offrir|crear|generar|scriver|produr|condivider|assister|soddisfar|"
        r"far(?:e questo|lo)|"
        r"discuter|rivelar|partecipar|acceder|spiegar|completar|eseguir|esprimer|proceder)\w*|"
        r"(?<=,\s)non ho (?:opinion|sentiment|accesso|emozion)|"
        r"non (?:sono in grado|mi è possibile|mi è permesso|sono autorizzat|sono programmat|"
        r"riesco ad aiutar)|"
        r"(?:devo|sono costrett\w a) (?:rifiutar|declinar)\w*|mi rifiuto)"
    ),
    "pt": (
        r"(?:(?:desculpe?|desculpa|peço desculpas?|lamento|sinto muito|infelizmente|mas|porém|"
        r"não|receio que|"
        r"(?:como|sendo) (?:uma? )?(?:ia|modelo|inteligência|"
        r"assistente)[^.,!?]{0,60})[,;:]?\s+)*(?:"
        r"(?:eu )?não (?:posso|poderei|poderia|consigo|vou|devo)(?: te| lhe| o|"
        r" a)?\s+(?!esperar|acreditar|"
        r"deixar)(?:ajud|fornec|respond|dar|oferec|cri[ae]r|ger[ae]r|escrev|redigir|produz|"
        r"compartilh|"
        r"partilh|assist|atend|cumpr|fazer (?:isso|isto)|discut|revel|particip|acess|explic|"
        r"complet|realiz|"
        r"execut|emit|express|diagnostic)\w*|"
        r"(?<=,\s)(?:eu )?não tenho (?:opini|sentiment|acesso|emoç)|"
        r"(?:eu )?não (?:me é (?:possível|permitido)|estou (?:autorizad|apt|programad|"
        r"em condições)|sou capaz)|"
        r"(?:devo|tenho que|preciso) (?:recus|declin)\w*|(?:eu )?me recuso|recuso-me)"
    ),
    "nl": (
        r"(?:(?:het spijt me(?: zeer)?|sorry|helaas|excuses|mijn excuses|maar|nee|"
        r"als (?:een )?(?:ai|taalmodel|"
        r"kunstmatige|assistent)\S*[^.,!?]{0,60})[,;:]?\s+)*(?:"
        r"(?:ik (?:kan|mag|zal|wil)|(?:daar|hier|dat|dit|daarmee|daarbij|hierbij)?\s*(?:kan|mag|"
        r"zal|wil) ik)\b"
        r"[^.!?]{0,50}?\b(?:niet|geen)\b(?! wachten| genoeg)[^.!?]{0,60}?(?:helpen|geven|"
        r"verstrekken|"
        r"beantwoorden|schrijven|maken|bieden|delen|assisteren|voldoen|uitvoeren|genereren|leveren|"
        r"ingaan|doen|stellen|uitleggen|ondersteunen)\b|"
        r"als (?:ai|taalmodel|kunstmatige)\S*[^.,]{0,40} heb ik geen|"
        r"ik ben (?:\w+ )?niet (?:in staat|bevoegd|gemachtigd)|ik (?:moet|"
        r"weiger)\b[^.!?]{0,40}(?:weigeren|te )|"
        r"het is (?:mij |me )?niet (?:mogelijk|toegestaan) om)"
    ),
    "pl": (
        r"(?:(?:przykro mi|przepraszam|niestety|wybacz|ale|nie|obawiam się, że|jako (?:model|"
        r"sztuczna|ai|"
        r"asystent)[^.,!?]{0,60})[,;:]?\s+)*(?:"
        r"nie (?:mogę|będę|chcę|wolno mi|powinienem|powinnam)\b(?! się doczekać|"
        r" uwierzyć)[^.!?]{0,40}?"
        r"\b(?:pom[oó]|udziel|odpowie|dostarcz|poda|napisa|stworzy|wygenerowa|zrealizowa|spełni|"
        r"udostępni|"
        r"zrobi|omawia|ujawni|wykona|kontynuowa|doradza|wyrazi|wyraża|tworzy|generowa|wspiera)\w*|"
        r"jako (?:model|sztuczna|ai|asystent)[^.!?]{0,40}nie (?:mam|posiadam)\b|"
        r"nie jestem w stanie|(?:muszę|zmuszon\w+) odm[oó]wi\w*|odmawiam)"
    ),
    "zh": (
        r"(?:(?:很|非常|十分|真的|实在)?(?:抱歉|对不起|對不起|遗憾|遺憾|不好意思)[,，。!！:：]?\s*|但是?|不过|恐怕)*(?:"
        r"(?:作为|作為|我是)(?:一个|一個|一名|一款)?(?:AI|人工智[能慧]|语言模型|語言模型|大?模型|助手)[^。!！?？]{0,30}?"
        r"(?:无法|無法|不能|没有|沒有|不会|不會|不可以)|"
        r"(?:[^。!！?？,，]{0,15}[,，]?(?=我))?(?:目前|本)?(?:我|我们|我們)?(?:暂时|暫時|目前|恐怕|也)?(?:无法|無法|不能|不可以|"
        r"没办法|沒辦法|没法|不便|不会|"
        r"不會|不应该|拒绝|拒絕)(?:为您|为你|為您|為你|向您|向你|给您|给你|給您|在此|继续|直接|就此|对此|對此)*(?:协助|協助|帮助|幫助|"
        r"帮|幫|提供|完成|回答|满足|滿足|生成|撰写|撰寫|编写|写|寫|讨论|討論|执行|執行|透露|给出|給出|参与|參與|处理|處理|支持|分享|创建|"
        r"描述|回应|回應|发表|發表|制作|製作|创作|遵从|答应|访问|存取))"
    ),
    "ja": (
        r"[^。!！?？\n]{0,80}?(?:(?:お手伝い|お応え|お答え|お教え|ご案内|ご提供|ご協力|お力|ご対応|ご回答|ご支援)"
        r"[^。!！?？\n]{0,12}?(?:できません|できかねます|しかねます|致しかねます|いたしかねます|出来ません|できない|なれません|"
        r"控え)|お断り(?:いた|し)|"
        r"(?:申し訳|恐れ入り|残念|すみません|その|そのよう|このよう|そういっ)[^。]{0,60}?(?:提供|作成|生成|回答|診断|"
        r"説明|支援|共有|実行|対応|行う|書く|答える|教える)(?:する)?(?:こと)?(?:は|が)?(?:できません|できかねます|致しかねます|出来ません)|"
        r"(?:AI|人工知能|言語モデル)(?:として|である|です)[^。]{0,60}?(?:できません|かねます|ありません|持って))"
    ),
}
_PATTERNS = (_ENGLISH, *(re.compile(pattern, re.IGNORECASE) for pattern in _OTHERS.values()))
# A first sentence behind which a refusal may still come.
_OPENERS = re.compile(
    r"(?:(?:i'm|i am|we're|we are) (?:so |very |really |truly )?sorry|sorry|apologies|my apologies|"
    r"i apologi[sz]e|thank you|thanks|it sounds like|i(?:'m| am) (?:programmed|designed|an ai|"
    r"just)|i (?:understand|appreciate|see|know|hear)\b|unfortunately|no\b[^,]{0,12}$|"
    r"hi\b|hello\b|great question|good question|that's an? |that is an? |(?:es )?tut mir|leider|"
    r"entschuldigung|danke|ich verstehe|je suis désol|désol|je comprends|merci|lo siento|"
    r"lo lamento|"
    r"entiendo|gracias|mi dispiace|capisco|grazie|desculp|lamento|sinto muito|entendo|obrigad|"
    r"het spijt|helaas|ik begrijp|bedankt|przykro|przepraszam|niestety|rozumiem|dziękuj|"
    r"(?:很|非常|十分)?(?:抱歉|对不起|對不起|遗憾)|我理解|感谢|谢谢|申し訳|すみません|恐れ入り|残念|ご質問)",
    re.IGNORECASE,
)


def find_refusal(text: str) -> str:
    """The clause by which a text refuses in its first or second sentence; empty: it doesn't.

    The second sentence counts behind an apology, thanks or the like. The text has plain quotes
    (`normalize_text`); what it quotes is not its own.
    """
    head = _MARKS.sub("", text[:MOST_READ])
    if quoted := _QUOTED.match(head):
        if quoted[1]:
            return ""
        head = head[1:]
    sentences = [match[0].strip(" \t*_") for match in _SENTENCE.finditer(head)]
    for number, sentence in enumerate(sentences[:2]):
        if number and not _OPENERS.match(sentences[0]):
            return ""
        for pattern in _PATTERNS:
            if clause := pattern.match(sentence):
                return clause[0]
    return ""
