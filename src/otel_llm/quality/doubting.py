# ruff: noqa: E501, RUF001 - a sentence stays on its line, in its own letters
# fmt: off
"""How models say that they do not really know, by language.

Who doubts is part of each sentence: that a witness was not sure or that a patch may fail is no
doubt of the model's.
"""

from __future__ import annotations

from .words import START, Phrase, gap, one_of

_NOT = one_of("can't cannot can_not couldn't could_not didn't haven't have_not won't would_not wouldn't")
_CHECK = "(?:verif(?:y|ied)|confirm(?:ed)?|guarantee|validate|determine|ascertain|establish|vouch|be (?:sure|certain|confident)|cross-check|fact-check|recall|remember|rule out|know)"
_SURELY = f"(?: {one_of('independently directly definitively reliably really fully quite currently actually')})?"
_TELL = "(?:say|tell)(?: you)?(?: with| for| whether| if| when| why| who| which| where| what| from| exactly| definitively| much about|[.,;])"
_SEEN = "(?:find|locate|see) (?:any(?: (?:mention|evidence|record|information|reference|source|indication|documentation|results?|reliable|official|confirmation)|thing\\b)|(?:this|that|it) (?:in|on|anywhere|mentioned)|a (?:reliable|primary|source|reference|record)|(?:reliable|enough|sufficient|information|evidence|confirmation|references?))"
_DOUBTED = f"(?:{_CHECK}\\b|{_TELL}|{_SEEN})"
_FACTS = one_of("figure figures number numbers detail details date dates fact facts information data answer citation citations reference references source sources price prices rate rates statistics names version")
_STALE = "(?:accurate|inaccura|outdated|out of date|out-of-date|stale|obsolete|incomplete|incorrect|wrong|changed|current|up to date|up-to-date|reliable|unreliable|newer|superseded|approximate)"
_KNOWN = "(?:information|data|details|knowledge|context|insight|visibility|records?|recollection|memory|evidence|sources?|way of knowing|way of verifying|way to (?:know|verify|confirm|tell|check))"
_BOOKS = "(?:(?:search )?results|documents?|sources?|context|texts?|excerpts?|articles?|passages?|transcripts?|materials?|snippets?|pages?|references)"
_SO = f"(?:{one_of('entirely completely totally fully quite absolutely very really always exactly 100% 100_% so too')} )?"
_MY = "my (?:training |latest |current |general |own |internal |last )?"

_ENGLISH = (
    Phrase(f"(?:not|never) {_SO}(?:sure|certain|confident|positive)", "sure|certain|confident|positive", "\\b", f"{START}i(?:'m| am|'d| would)(?: [a-z]+)? "),
    Phrase(f"(?:not {_SO}|un)(?:sure|certain)", "sure|certain", "[,.]? ?(?:but|about|whether|if|what|why|how|which|where|when|on|of|here|that)?\\b", "(?:^|[.!?:\n] ?)"),
    Phrase("i(?:'m| am) (?:un(?:sure|certain|clear|aware|familiar)|not (?:aware|familiar|entirely clear))", "sure|certain|clear|aware|familiar", "(?: of any| of a| with| whether| about| if| which| what| of|[.,;])"),
    Phrase(f"i {_NOT}(?: been able to)?{_SURELY} {_DOUBTED}", "i can|i could|i did|i have|i won|i would"),
    Phrase("(?:unable|not able) to", "able", f"{_SURELY} (?:{_CHECK}\\b|{_TELL}|{_SEEN})", f"{START}i(?:'m| am| was|'ve been) "),
    Phrase("i (?:wasn't|haven't been|have not been) able to", "able", f"{_SURELY} (?:{_CHECK}\\b|{_TELL}|{_SEEN})"),
    Phrase("i (?:really |honestly )?(?:don't|do not)", "i do|i really|i honestly", f"{_SURELY}(?: honestly)? (?:know|recall|remember)(?: of| for| exactly| who| what| when| where| why| whether| which| how| if| the| much| enough| any|[.,;])"),
    Phrase("i (?:may|might|could)", "i may|i might|i could", f"{gap(1)} (?:be|have|'ve)(?: (?:got|gotten){gap(3)})?{gap(1)} (?:wrong|mistaken|misremember|confus|mixing|mixed|misread|missed|inaccurate|outdated|hallucinat|imagin|invent|made|conflat|misunder|incorrect|misinform|out of date|off)"),
    Phrase("(?:chance|possible|possibility|likely) (?:that )?i", "chance|possib|likely", f"(?:'m|'ve| am| have| may| might| could){gap(2)} (?:wrong|mistaken|misremember|confus|mixing|mixed|misread|missed|missing|inaccurate|outdated|hallucinat|invent|made|conflat|misunder|incorrect)"),
    Phrase("(?:since|after|before|beyond|past|until|up to|as of) my", "my", f"{gap(2)} (?:update|updated|cutoff|cut-off|training|knowledge|data|information)\\b"),
    Phrase(f"{_MY}(?:knowledge|training|information|data|memory|recollection|understanding)", "knowledge|training|information|data|memory|recollection|understanding", f"(?: data| base)?(?:,? which| of (?:this|that|it|the))?{gap(2)} (?:cutoff|cut-off|only goes|goes|ends|ended|stops|stopped|extends|is (?:limited|outdated|from|vague|hazy|fuzzy|incomplete|not)|was last|has a|may|might|could|doesn't|does not|dates|runs|limited)\\b"),
    Phrase("knowledge (?:cutoff|cut-off)", "knowledge", "", f"{START}my (?:[a-z]+ )?"),
    Phrase("information i have", "information i", f"{gap(4)} (?:is|may|might|could|comes|ends|stops|dates)\\b"),
    Phrase("i (?:don't|do not|currently don't|have no|lack)", "i do|i have|i lack|i currently", f"(?: currently)?(?: have)?(?: access to)?(?: (?:any|a|an|enough|sufficient|specific|reliable|verified|detailed|real-time|up-to-date|recent|current|live|complete|further|good|clear|direct|of))* {_KNOWN}"),
    Phrase("i (?:don't|do not|can't|cannot|currently don't)(?: currently)?(?: have)? access", "i do|i can|i currently", "(?: to)? (?:any )?(?:real-?time|current|live|up-to-date|the latest|recent|today's)"),
    Phrase("(?:as far as|insofar as) (?:i|my)", "as far as|insofar as", "(?: can)?(?:'m| am)? (?:know|tell|recall|remember|see|understand|aware|knowledge)"),
    Phrase("to (?:the best of )?my (?:knowledge|recollection|understanding)", "my knowledge|my recollection|my understanding"),
    Phrase("from what i", "from what i", "(?: can)? (?:recall|remember|know|understand|gather|tell)"),
    Phrase("(?:if i(?:'m| am) (?:not mistaken|remembering|recalling)|if i (?:recall|remember) (?:correctly|right|rightly|well)|if (?:my )?memory serves)", "if i|if my memory|if memory"),
    Phrase("from memory", "from memory", "", f"{START}(?:going|working|quoting|citing|speaking|answering|reconstruct[a-z]*|recit[a-z]*|this is|figures|numbers){gap(3)} "),
    Phrase("off the top of my head", "top of my head"),
    Phrase("(?:correct me if|unless) i(?:'m| am) (?:wrong|mistaken|misremembering)", "correct me if|unless"),
    Phrase(f"(?:this|that|these|those|it|they|my answer|{_FACTS}) (?:may|might|could)", "may|might|could", f"{gap(2)} {_STALE}"),
    Phrase("(?:may|might|could) (?:be|contain) (?:outdated|out of date|inaccura)", "outdated|out of date|inaccura"),
    Phrase(f"{_FACTS} (?:may|might|could) not", "may|might|could", "", f"{START}(?:these|those|the|my|some|its) (?:[a-z]+ )?"),
    Phrase("(?:verify|verifying|double-check|double-checking|double check|fact-check|cross-check|confirm this)", "verify|check|confirm this", "", f"{START}(?:please|you should|i(?:'d| would) (?:recommend|suggest|advise|encourage you))(?: to)?(?: always| still)? "),
    Phrase("recommend (?:confirming|checking|verifying)", "recommend"),
    Phrase("before (?:you )?(?:rely|relying|cite|citing|quote|quoting|publish|publishing|act|acting)", "before", "(?: on)? (?:it|this|them|that|these|any of)\\b"),
    Phrase("(?:with (?:a|some) (?:grain|pinch|caution)|with caution|with care|as an? (?:rough )?(?:estimate|approximation|guess))", "with|as a|as an", "", f"{START}(?:take|treat|read)(?: [^\\s.!?;:]+){{1,5}} "),
    Phrase("with a (?:grain|pinch) of salt", "of salt"),
    Phrase("(?:guessing|speculating|extrapolating)", "guessing|speculating|extrapolating", "", f"{START}i(?:'m| am|'d be| would be|'ll be)(?: just| only| merely| purely| largely| partly)? "),
    Phrase("(?:my|an? educated|a rough|just a|only a|at) (?:best )?guess", "guess"),
    Phrase("(?:guess|speculation|guesswork|conjecture)", "guess|speculation|conjecture", "", f"{START}(?:would|could) (?:only |just )?be (?:a |pure |just )*"),
    Phrase("i(?:'d| would) (?:have to )?guess", "guess"),
    Phrase("hallucinat", "hallucinat", "", f"{START}i(?:'m| am| may| might| could| sometimes| can){gap(2)} "),
    Phrase("(?:none|neither) of the", "none of|neither of", f"{gap(2)} {_BOOKS}{gap(4)} (?:mention|answer|say|cover|contain|state|address|give|include|provide)"),
    Phrase("(?:don't|do not|doesn't|does not|didn't|never) (?:actually |explicitly )?(?:mention|say|state|specify|cover|address|indicate|tell|answer)", "mention|say|state|specify|cover|address|indicate|tell|answer", "", f"{START}(?:the|these|those|your|provided|given|available) (?:[a-z]+ )?{_BOOKS}{gap(3)} "),
    Phrase("not (?:mentioned|specified|stated|provided|covered|addressed|available|answered)", "not ", f"(?: anywhere)? in (?:the|these|your|any of the)(?: [a-z]+)? {_BOOKS}"),
    Phrase("(?:i (?:can't|cannot|am unable to) (?:determine|say|tell|answer|conclude|judge|decide)|it (?:isn't possible|is not possible|isn't clear|is unclear))", "can|unable|possible|clear", "", f"{START}based on (?:the|this){gap(4)},? "),
    Phrase("there(?:'s| is) (?:no|not enough|insufficient|too little)", "there", f" (?:reliable |clear |further )?(?:information|data|evidence|mention|detail|context){gap(5)} (?:in the|to (?:say|tell|determine|answer|confirm|judge))"),
    Phrase("(?:hard|difficult|impossible|not possible|tricky) to (?:say|know|tell|determine|judge)", "hard|difficult|possible|tricky", "(?: with| for (?:sure|certain)| whether| without| from| exactly| definitively|[.,;])"),
    Phrase("(?:hard|difficult|impossible) for me to", "for me to", " (?:say|tell|know|judge|determine|verify|confirm)"),
    Phrase("(?:definitive|definite|conclusive|reliable|certain|firm) answer", "answer", "", f"{START}i(?:'m| am)? (?:can't|cannot|unable to|not able to|don't have|do not have|won't){gap(3)} "),
    Phrase("(?:don't|do not) quote me", "quote me"),
    Phrase("i have no (?:idea|way of|reliable|information|record|knowledge|data|recollection|memory|means of)", "i have no"),
    Phrase("unclear", "unclear", "(?: from| based|[.,:;])", "(?:^|[.!?\n] ?)(?:it's |it is |that's |that is )?"),
)

_DE_CHECK = one_of("sagen überprüfen prüfen bestätigen beurteilen verifizieren nachprüfen garantieren feststellen ausschließen einschätzen finden erinnern nachvollziehen belegen")
_GERMAN = (
    Phrase("(?:bin|wäre) (?:ich )?mir", " mir", f"{gap(3)} (?:nicht|un){gap(2)} ?sicher"),
    Phrase("(?:ich (?:kann|konnte|könnte)|(?:kann|konnte|könnte) ich)", " ich|ich ", f"{gap(6)} (?:nicht|keine?[nrs]?){gap(3)} {_DE_CHECK}\\b"),
    Phrase("(?:ich (?:weiß|erinnere)|(?:weiß|erinnere) ich)", "wei|erinnere", f"{gap(2)} nicht\\b"),
    Phrase("(?:könnte|kann|mag) (?:ich )?mich", "mich", f"{gap(2)} (?:irren|täuschen|vertun)"),
    Phrase("meine? (?:wissen|kenntnis|trainingsdaten|informationen|daten|gedächtnis)", "mein", f"[a-z]*{gap(5)} (?:reich|end|geh|begrenzt|veraltet|stamm|bis\\b|lückenhaft|nicht)"),
    Phrase("(?:liegen|liegt|stehen) mir", " mir", f"{gap(2)} (?:keine?|nicht genügend|nicht genug){gap(3)} (?:informationen|daten|angaben|erkenntnisse|quellen|details)"),
    Phrase("(?:habe ich|ich habe)", "ich", f"{gap(3)} (?:keine?|nicht genügend|nicht genug|keinen){gap(2)} (?:informationen|daten|angaben|kenntnis|erkenntnisse|zugriff auf (?:aktuelle|echtzeit)|quelle|belege?|überblick)"),
    Phrase("(?:meines wissens|soweit (?:ich|mir)|nach meinem (?:kenntnis|wissens)stand|wenn ich mich (?:nicht irre|recht erinnere|richtig erinnere))", "meines wissens|soweit|stand|wenn ich mich"),
    Phrase("(?:ich (?:vermute|rate|schätze)|vermutung)", "vermut|rate|schätze", "(?: nur| hier| mal|[,.]| dass)"),
    Phrase("ohne gewähr", "ohne gew"),
    Phrase("(?:angaben?|informationen?|zahlen?|preise?|daten) (?:könnten?|können|kann|mag|mögen)", "angabe|information|zahl|preis|daten", f"{gap(3)} (?:veraltet|falsch|ungenau|geändert|überholt|unvollständig|fehlerhaft)"),
    Phrase("(?:bitte|sicherheitshalber)", "bitte|sicherheitshalber", f"{gap(3)} (?:überprüfen|prüfen|gegenprüfen|nachprüfen|verifizieren|überprüfe|prüfe|kontrollieren) (?:sie |du )?(?:dies|das|die angaben|diese|noch einmal|nochmals|bevor)"),
)

_FR_CHECK = one_of("vérifier confirmer garantir trouver déterminer affirmer certifier préciser retrouver assurer dire_si dire_quand dire_pourquoi dire_qui dire_avec")
_FRENCH = (
    Phrase("je ne suis pas", "je ne suis", f"{gap(3)} (?:sûre?|certaine?)\\b"),
    Phrase("je (?:n'ai|ne (?:peux|puis|parviens|saurais|suis))", "je n", f"{gap(2)} pas{gap(4)} (?:[^\\s]+')?{_FR_CHECK}\\b"),
    Phrase("je (?:peux|pourrais|risque de|me)", "je ", f"{gap(1)} (?:me tromper|me trompe|faire erreur|confondre)\\b"),
    Phrase("(?:sauf erreur|si je ne me trompe|si ma mémoire|si mes souvenirs|si je me souviens bien|à ma connaissance|autant que je sache|pour autant que je|sous (?:toute )?réserve)", "sauf erreur|me trompe|moire|souvenirs|souviens|connaissance|autant que je|réserve"),
    Phrase("(?:mes|ma) (?:connaissances|données|formation|base|informations)", "connaissances|données|formation|base|informations", f"{gap(4)} (?:s'arrêt|limité|remont|dat|jusqu|vont|va\\b|peuvent|datent)"),
    Phrase("je ne (?:sais|connais|me souviens|dispose|possède)", "je ne ", f"{gap(1)} (?:pas|plus|d'aucun|aucun)\\b"),
    Phrase("je n'ai", "je n", f" (?:pas|aucune?){gap(4)} (?:informations?|données?|accès|connaissance|éléments?|précisions?|souvenir|certitude)"),
    Phrase("(?:peut|peuvent|pourrait|pourraient) (?:ne pas |ne plus )?(?:être|avoir)", "peut|peuvent|pourrai", f"{gap(3)} (?:à jour|obsolète|périmé|inexact|erroné|dépassé|changé)"),
    Phrase("il (?:se peut|est possible|n'est pas (?:exclu|certain|sûr))", "il se peut|il est possible|il n", f" que{gap(1)} (?:je|ce|ces|cette|mes|les)\\b"),
    Phrase("il (?:me semble|m'est difficile)", "il m"),
)

_ES_CHECK = "(?:verificar|confirmar|comprobar|garantizar|asegurar|determinar|encontrar|precisar|saber)(?:lo|la|los|las|se)?\\b"
_SPANISH = (
    Phrase("no estoy", "no estoy", f"{gap(2)} segur[oa]\\b"),
    Phrase("no (?:puedo|he podido|pude|he logrado|logré|soy capaz de|me es posible|hemos podido)", "no ", f"{gap(1)} (?:{_ES_CHECK}|decir (?:si|cuándo|con|quién|por))"),
    Phrase("no (?:tengo|dispongo de|cuento con|poseo)", "no ", f"{gap(3)} (?:información|datos|constancia|detalles|conocimiento|certeza|registros?|acceso a (?:información|datos))"),
    Phrase("(?:puedo|podría|puede que|es posible que)(?: me)? (?:estar |estoy |esté )?(?:equivoc|confund)", "equivoc|confund"),
    Phrase("si (?:no (?:recuerdo mal|me equivoco|me falla)|mal no recuerdo)", "recuerdo|equivoco|falla"),
    Phrase("(?:mi|mis) (?:conocimiento|información|datos|entrenamiento)", "conocimiento|informaci|datos|entrenamiento", f"[a-z]*{gap(4)} (?:lleg|alcanz|hasta|limitad|termin|desactualizad|acab)"),
    Phrase("(?:hasta donde (?:yo )?sé|que yo sepa|según (?:recuerdo|tengo entendido)|desconozco|no (?:lo )?recuerdo)", "hasta donde|que yo sepa|según|desconozco|recuerdo"),
    Phrase("no (?:lo )?sé", "no ", "(?:[.,;]| (?:la|si|qu|cu|d|c|exact|por|nada))"),
    Phrase("(?:puede|pueden|podría|podrían) (?:estar|ser|haber)", "puede|podr", f"{gap(2)} (?:desactualizad|obsolet|inexact|incorrect|cambiado|equivocad)"),
)

_JAPANESE = (
    Phrase("(?:わかり|分かり)(?:ません|かね)", "ません|かね"),
    Phrase("(?:定か|確か|確実)では", "では", "(?:ありません|ない|ございません)"),
    Phrase("確信(?:が|は|を)", "確信"),
    Phrase("確認(?:することが|が|は|を)?(?:でき|取れ|とれ)(?:ません|ず|ていません|ておらず)", "確認"),
    Phrase("(?:間違|誤)(?:って|い)", "間違|誤", "[^\\n]{0,12}(?:可能性|かもしれ)"),
    Phrase("(?:私の知る限り|私の知識|私の(?:学習|トレーニング)データ|記憶が(?:確か|正し)|うろ覚え)", "知る限り|知識|データ|記憶|うろ覚え"),
    Phrase("(?:断言|保証)(?:は|も|を)?(?:でき|いたし|し)", "断言|保証", "(?:ません|かね)"),
    Phrase("(?:確か|確実|正確)な(?:こと|情報|日付|数字)(?:は|が)?(?:言え|わかり|申し上げ|お答え|持って)", "な", "[^\\n]{0,9}(?:ません|かね|ない|おらず)"),
    Phrase("はっきり(?:とは|と|は)?(?:言え|わかり|覚えて|申し上げ)", "はっきり"),
    Phrase("記憶して(?:い|おり)", "記憶して"),
    Phrase("情報(?:は|が)(?:ありません|ございません|見つかり|不足|限られ|古い)", "情報"),
    Phrase("最新(?:の情報|のもの)?(?:では|とは)", "最新", "[^\\n]{0,9}(?:ない|異な|ありません|限り)"),
    Phrase("推測(?:です|ですが|になり|の域|にすぎ)", "推測"),
    Phrase("リアルタイム", "リアルタイム", "[^\\n]{0,40}(?:ません|できない|かね)"),
)

_ITALIAN = (
    Phrase("non (?:ne )?(?:sono|ne sono) (?:del tutto |completamente |proprio |molto )?(?:sicur|cert)[oa]", "sicur|cert"),
    Phrase("non (?:posso|sono in grado di|sono riuscit[oa] a|riesco a)", "non ", f"{gap(1)} (?:verificar|confermar|garantir|trovar|stabilir|dir)[a-z]*"),
    Phrase("non (?:ho|dispongo di|possiedo)", "non ", f"{gap(1)} (?:informazioni|dati|dettagli|accesso a (?:dati|informazioni)|certezza)"),
    Phrase("(?:potrei|posso) (?:sbagliar|confonder|ricordare male)", "sbagliar|confonder|ricordare male"),
    Phrase("(?:se non (?:sbaglio|erro|ricordo male)|per quanto ne so|a quanto ne so|che io sappia|non (?:lo )?so (?:con certezza|esattamente|di preciso)|non (?:lo )?ricordo)", "sbaglio|erro|ricordo|ne so|sappia|non so|non lo so"),
)

_PORTUGUESE = (
    Phrase("não (?:tenho|estou) (?:a |total |completa |absoluta |totalmente |completamente |muita )?(?:certeza|cert[oa]|segur[oa])", "certeza|cert|segur"),
    Phrase("não (?:posso|consigo|consegui|pude|fui capaz de)", "não ", f"{gap(1)} (?:verificar|confirmar|garantir|encontrar|determinar|dizer)"),
    Phrase("não (?:tenho|disponho de|possuo)", "não ", f"{gap(2)} (?:informações|dados|detalhes|acesso a (?:dados|informações))"),
    Phrase("(?:posso|poderia) estar (?:enganad|errad|confund)", "enganad|errad|confund"),
    Phrase("(?:se não me engano|salvo engano|até onde (?:eu )?sei|que eu saiba|se bem me lembro|não (?:me lembro|sei ao certo|sei exatamente))", "engano|onde|saiba|lembro|sei"),
)

_DUTCH = (
    Phrase("(?:ik weet (?:het |dat |dit )?niet|weet ik (?:het |dat )?niet)", "weet", "(?:[.,;]| (?:zeker|precies|exact|of|wie|wat|wanneer|hoe))"),
    Phrase("(?:ik ben (?:er |daar )?niet (?:helemaal |volledig |honderd procent )?zeker|niet zeker (?:van|of))", "zeker"),
    Phrase("(?:ik kan|kan ik)", "kan", f"{gap(3)} niet{gap(2)} (?:verifiëren|bevestigen|controleren|garanderen|nagaan|vinden|zeggen)"),
    Phrase("(?:ik heb|heb ik)", "heb", f"{gap(1)} (?:geen|onvoldoende){gap(2)} (?:informatie|gegevens|toegang tot (?:actuele|real)|zekerheid)"),
    Phrase("(?:voor zover ik weet|als ik me niet vergis|als ik het me goed herinner|ik kan me vergissen|naar mijn beste weten)", "zover ik|vergis|herinner|beste weten"),
)

_CHINESE = (
    Phrase("(?:我)?不(?:太|是很|完全)?(?:确定|肯定|清楚)", "确定|肯定|清楚"),
    Phrase("(?:无法|不能|没能)(?:确认|核实|验证|确定|保证|查到)", "无法|不能|没能"),
    Phrase("(?:无法|不能|没有办法)(?:获取|访问|查询|提供)(?:到)?(?:实时|最新)", "实时|最新"),
    Phrase("(?:据我所知|据我了解|我的知识|我的训练|如果我没记错)", "据我|我的|没记错"),
    Phrase("我(?:可能|也许)(?:记错|弄错|搞错|有误)", "我"),
)

_KOREAN = (
    Phrase("(?:확실하지|정확하지|확신하지|장담하지)", "하지", " ?(?:는 )?(?:않|못)"),
    Phrase("(?:정확히|확실히|잘)(?:는)? (?:모르|알지 못|알 수 없)", "모르|알"),
    Phrase("(?:실시간|최신) (?:정보|데이터|날씨)", "실시간|최신", "[^\\n]{0,30}(?:없|못)"),
    Phrase("(?:제가 알기로|제 지식|제 학습|틀릴 수|잘못 알고)", "제가|제 |틀릴|잘못"),
)

_RUSSIAN = (
    Phrase("(?:я )?не (?:совсем |до конца |полностью )?(?:уверен|уверена|знаю точно|помню)", "уверен|знаю|помню"),
    Phrase("не (?:могу|удалось) (?:это )?(?:проверить|подтвердить|гарантировать|найти)", "проверить|подтвердить|гарантировать|найти"),
    Phrase("(?:насколько (?:я знаю|мне известно)|могу ошибаться|если я не ошибаюсь|если не ошибаюсь|у меня нет (?:информации|данных|доступа к актуальн))", "насколько|ошиба|нет"),
)

_OTHERS = (*_ITALIAN, *_PORTUGUESE, *_DUTCH, *_CHINESE, *_KOREAN, *_RUSSIAN)

DOUBTING = (*_ENGLISH, *_GERMAN, *_FRENCH, *_SPANISH, *_JAPANESE, *_OTHERS)
"""Sentences of which one is enough."""

SOFT = (
    Phrase("i (?:think|believe|guess|suppose|assume|suspect)", "i think|i believe|i guess|i suppose|i assume|i suspect", "\\b"),
    Phrase("(?:perhaps|possibly|presumably|probably|reportedly|allegedly|supposedly)", "perhaps|ably|ibly|reportedly|allegedly|supposedly", "\\b"),
    Phrase("(?:it|this|that) (?:seems|appears|is possible|might be|may be|could be)", "seems|appears|is possible|might be|may be|could be", "\\b"),
    Phrase("i(?:'m| am) (?:fairly|pretty|reasonably) (?:sure|certain|confident)", "sure|certain|confident"),
    Phrase("(?:vielleicht|vermutlich|wahrscheinlich|ich glaube|ich denke)", "vielleicht|vermutlich|wahrscheinlich|ich glaube|ich denke"),
    Phrase("(?:peut-être|probablement|sans doute|je crois|je pense)", "peut-|probablement|sans doute|je crois|je pense"),
    Phrase("(?:quizás?|tal vez|probablemente|creo que|supongo)", "quiz|tal vez|probablemente|creo que|supongo"),
    Phrase("(?:かもしれません|おそらく|たぶん|と思います)", "かもしれ|おそらく|たぶん|と思い"),
)
"""Sentences of which several are, where they are dense."""
