# ruff: noqa: E501, RUF001 - a sentence stays on its line, in its own letters
# fmt: off
"""How models decline, by language: who speaks, that they cannot or will not, and what.

The parts make sentences, so that a verb learnt once is known after every way of saying no. A first
person is part of nearly each: that a bank or a function cannot do something declines nothing.
"""

from __future__ import annotations

from .words import START, Phrase, gap, one_of

_NO = one_of("can't cannot can_not can_no_longer won't will_not wouldn't shouldn't should_not must_not don't do_not")
_ADVERBS = one_of("""really simply just also ever directly personally knowingly currently actually even safely
    in_good_conscience and_will_not and_won't or_will_not be_able_to help_you""")
_ADVERB = f"(?: {_ADVERBS})?"
_ABLE = one_of("able allowed permitted authorized authorised going willing prepared equipped meant supposed set_up in_a_position")
_HELP = one_of("""help assist aid comply oblige accommodate take_a_side take_sides take_a_position take_a_stance participate take_part engage cooperate collaborate go_along
    play_along go_there fulfil fulfill do_that do_this do_so do_it support_that support_this""")
_GIVE = one_of("""provide give offer share supply disclose reveal divulge discuss talk_about comment speculate advise answer
    respond reply explain describe detail outline list name tell_you_how tell_you_about tell_anyone hand_out hand_over walk guide_you teach
    show instruct repeat endorse encourage promote facilitate condone glorify""")
_MAKE = one_of("""write create generate produce make draft compose draw craft build code develop depict portray simulate
    impersonate pretend role-play roleplay act_as fake forge fabricate continue complete process perform carry_out execute
    include present recommend_a recommend_any rank rate judge diagnose prescribe interpret identify recognize recognise guess""")
_ACT = one_of("""run_that run_this run_it open browse visit place book order override waive release grant make_reservations steer interact log_in sign_in buy purchase send schedule check control close track contact call view
    watch access_your access_the access_that access_this access_links access_files access_my access_external access_websites""")
_COPY = "(?:reproduce|quote|recite|copy|transcribe|print)"
_COPIED = one_of("lyrics verbatim copyright copyrighted in_full word_for_word entire full whole chapter article")
_WHOLE = f"{gap(6)} {_COPIED}"
_DO_IT = f"(?:{_HELP}|{_GIVE}|{_MAKE}|{_ACT})"
_DO = f"(?:{_DO_IT}|{_COPY}{_WHOLE})\\b"
_DOING = "(?:(?:help|assist|answer|discuss|explain|draft|depict|build|comment|engag|provid|giv|shar|writ|creat|generat|produc|mak|do|continu|disclos|reveal|respond|offer|reproduc)ing|with)\\b"
_WE_DO = one_of("help assist comply provide share disclose discuss continue fulfil fulfill answer")
_OURS = "(?:my|our|the|openai's|anthropic's|google's)"
_RULES = "(?:guideline|polic|programming|principle|rules|standards|terms)"
_THING = one_of("something anything content material topic topics request requests question subject task thing things one")
_KIND = "(?:something|anything|content|material|the kind|the sort|the type|one of|an? (?:topic|request|question|subject|task|thing|area))"
_AM = "(?:'m| am|'re| are)"
_I_AM = f"{START}(?:i|we){_AM}(?: [a-z]+)? "
_I_MUST = f"{START}(?:i|we)(?:'m| am|'ll| will|'d| do|'re)?(?: (?:must|have to|need to|going to|want to|would like to))*(?: [a-z]+ly)? "
_SAID = "(?:request|message|prompt|question|query|content|response|answer|input|image)"

_ENGLISH = (
    Phrase(f"i {_NO}{_ADVERB} {_DO_IT}", "i can|i won|i will|i would|i should|i must|i do", "\\b"),
    Phrase(f"i (?:really|simply|just|honestly|sadly) {_NO}{_ADVERB} {_DO_IT}", "i really|i simply|i just|i honestly|i sadly", "\\b"),
    Phrase(f"i {_NO}{_ADVERB} {_COPY}", "i can|i won|i will|i would|i should|i must|i do", _WHOLE),
    Phrase("(?:copyright|copyrighted)", "copyright", f",?{gap(4)},? i {_NO}{_ADVERB} {_COPY}"),
    Phrase("i (?:don't|do not) want to", "want to", f" {_DO_IT} (?:that|this|it|such|anything like)\\b"),
    Phrase(f"we {_NO}{_ADVERB} {_WE_DO}", "we can|we won|we will|we would|we should|we must|we do", "\\b"),
    Phrase("i (?:don't|do not|wouldn't) (?:think|feel|believe)", "i do|i would", f"{gap(1)} i (?:should|can|could|ought to){gap(5)} {_DO}"),
    Phrase("i (?:don't|do not|wouldn't) feel (?:comfortable|right|able)", "i do|i would", f"{gap(1)} {_DOING}"),
    Phrase("i'll not", "i'll|i’ll", f"{_ADVERB} {_DO}"),
    Phrase(f"not (?:really |currently |actually )?{_ABLE} to", "not ", f"{_ADVERB} {_DO}", _I_AM),
    Phrase("not gonna", "gonna", f" {_DO}", _I_AM),
    Phrase("comfortable", "comfortable", f"{gap(1)} {_DOING}", f"{_I_AM}not{gap(1)} "),
    Phrase("unable to", "unable", f"{_ADVERB} {_DO}", _I_AM),
    Phrase("(?:prohibited|forbidden|barred|restricted|prevented) from", "prohibited|forbidden|barred|restricted|prevented", "", _I_AM),
    Phrase("(?:rather not|prefer not|(?:chosen|choose|choosing|decided|opt|opting) not to)", "not", f"(?: to)?{_ADVERB} {_DO}", f"{START}i(?:'d|'ve|'m| would| have| am| will)?{gap(1)} "),
    Phrase("(?:the ability|the means|the tools?|the capability|the capacity|permission|authorization) to", "ability|means|tool|capabilit|capacity|permission|authori", f"{_ADVERB} ", f"{START}i (?:do not have|don't have|lack|have no)(?: [a-z]+)? "),
    Phrase("(?:don't|do not|lack|have no|haven't got) (?:have )?access to", "access to", " (?:your|external|any (?:files?|accounts?|links?|websites?|systems?)|files|accounts|the (?:file|account|system|internet|web|link|page|site))", f"{START}i(?: currently)? "),
    Phrase("(?:don't|do not|can't|cannot) (?:retain|store|keep)", "retain|store|keep", f"{gap(2)} (?:memory|memories|information|data|past|previous|conversations?|history)", f"{START}i "),
    Phrase("(?:don't|do not) (?:have|hold) (?:any )?(?:personal )?(?:opinions?|beliefs?|political views)", "opinion|belief|views", "", f"{START}i "),
    Phrase("(?:isn't|is not|aren't|are not) (?:possible|an option|feasible|appropriate) for me", "for me"),
    Phrase("(?:rather|prefer to) (?:steer|redirect|avoid|stay away|skip|keep away|talk about something else|change the)", "rather|prefer", "", f"{START}(?:i|we)(?:'d| would) "),
    Phrase("(?:declin|refus)(?:e|ing)", "declin|refus", "\\b", _I_MUST),
    Phrase("pass(?: on (?:this|that|it|[a-z]+ing)|[.,;!])", "pass", "", _I_MUST),
    Phrase("(?:stop (?:you )?(?:here|there)|say no to|turn (?:this|that|it|you) down|draw (?:the|a) line|steer (?:clear|away))", "stop|say no|turn|draw|steer", "", _I_MUST),
    Phrase("(?:can't|cannot|won't|unable to|not able to) (?:help|assist|comply|(?:do|discuss|share|answer|support) (?:that|this))", "can't|can’t|cannot|won't|won’t|able to", "\\b", "(?:^|[.!?,;:\n] ?|— ?)(?:but )?"),
    Phrase(f"(?:violates?|violating|against|contrary to|breach(?:es|ing)?|infring(?:es|ing)|conflicts? with|inconsistent with) {_OURS}", "violat|against|contrary|breach|infring|conflict|inconsistent", f"{gap(3)} {_RULES}"),
    Phrase("against what (?:i|we)(?:'m| am|'re| are)? ", "against what", f"(?:{_ABLE}|can|do|will|stand)\\b"),
    Phrase("(?:guidelines|policy|policies|rules|instructions|principles|programming) (?:don't|do not|doesn't|does not|won't|prohibits?|prevents?|forbids?|restricts?|keeps?)", "guidelines|polic|rules|instructions|principles|programming", "", f"{START}(?:my|our) (?:[a-z]+ )?"),
    Phrase("(?:instructions|prompt|configuration|guidelines) (?:is|are)", "instructions|prompt|configuration|guidelines", " (?:confidential|private|secret|not (?:public|something))", f"{START}my (?:[a-z]+ )?"),
    Phrase("(?:outside|beyond) (?:of )?(?:the|what|that|which|things|topics)", "outside|beyond", f"(?: (?:of|the|what|that|which|scope|topics?|things?|areas?|range|limits|bounds|kinds?|subjects?))* (?:i|we)(?:{_AM}| can| was| support| cover| handle)\\b"),
    Phrase("(?:outside|beyond) (?:of )?(?:my|our)", "outside|beyond", " (?:scope|capabilit|abilit|expertise|remit|role|area|limits|function|purview|guidelines)"),
    Phrase(f"(?:not|isn't|aren't) {_KIND}", "not |isn|aren", f"{gap(4)} (?:i|we)(?:'ll|'m|'d|'re)? ?(?:can|will|do|am|are|could|able|willing|going|comfortable|allowed|permitted|prepared|want)\\b"),
    Phrase(f"{_THING} (?:that )?(?:i|we)(?:'m| am)? (?:can't|cannot|won't|will not|don't|shouldn't|not|refuse|have to|must)", "can|won|will|don|should|not|refus|have|must", f"(?: do\\b| (?:help|assist|turn|decline|refuse|write|provide|discuss)\\b| {_ABLE}|[.,;])"),
    Phrase("(?:inappropriate|irresponsible|unethical|wrong|dishonest|unsafe|harmful|not (?:appropriate|ethical|responsible|possible|right|safe|ok|okay)) for me to", "for me to", f"{_ADVERB} {_DO}"),
    Phrase("(?:i|we) (?:can )?only (?:be able to )?(?:help|answer|assist|discuss|respond|talk|support|handle|cover)", "only", "\\b"),
    Phrase("(?:only|just|solely) (?:able|here|allowed|designed|set up|trained|built|meant|equipped) (?:to|for)", "only|just|solely", " (?:help|answer|assist|discuss|respond|talk|support|questions|cover)", _I_AM),
    Phrase("(?:programmed|designed|built|instructed|trained|told|asked) (?:not to|to (?:not|avoid|decline|refuse|be safe|steer))", "programmed|designed|built|instructed|trained|told|asked", "", f"{START}i(?:'m| am|'ve been) "),
    Phrase("(?:was|is|been|be) (?:automatically )?(?:blocked|filtered|flagged|withheld)", "blocked|filtered|flagged|withheld", "\\b", f"{START}{_SAID}(?: has| had to)? "),
    Phrase(f"(?:your|this) {_SAID} (?:was|has been) (?:declined|rejected|refused|denied)", "declined|rejected|refused|denied", "\\b"),
    Phrase("as an? (?:ai|artificial intelligence|language model|large language model)", "as a", f"[^.]{{0,60}}(?:can't|cannot|unable to|not able to|not allowed to|must not|shouldn't){_ADVERB} (?:{_DO}|have|do)"),
    Phrase("(?:let's not go there|(?:talk about|discuss|move on to|switch to|focus on|try) (?:something else|a different (?:topic|subject)|another (?:topic|subject))|change the (?:subject|topic))", "not go there|something else|different|another|change the", "", f"(?:{START}(?:let's|let us|can we|could we|how about we|perhaps we could|maybe we can) |^)"),
    Phrase("(?:that|this|it)(?:'s| is) (?:not|outside|beyond|against|off)", "not|outside|beyond|against|off", "", f"{START}(?:sorry|apologies|apologi[sz]e|afraid)(?: to say)?[,.:;]?(?: but)?(?: that)? "),
    Phrase("(?:that|this) (?:can't|cannot|won't)", "can't|can’t|cannot|won't|won’t", "\\b", f"{START}(?:sorry|apologies|apologi[sz]e|afraid)(?: to say)?[,.:;]?(?: but)?(?: that)? "),
    Phrase("line (?:for me|i (?:won't|will not|don't|can't|cannot))", "line for me|line i "),
)

_DE_DO = one_of("""helfen weiterhelfen behilflich unterstützen beantworten antworten bearbeiten erfüllen nachkommen
    entsprechen geben weitergeben herausgeben preisgeben machen nennen schreiben verfassen formulieren erstellen anfertigen
    liefern bereitstellen teilen mitteilen verraten offenlegen beschreiben wiedergeben zitieren fortsetzen fortfahren
    weitermachen tun generieren erzeugen diskutieren besprechen kommentieren stellen beraten ausführen durchführen
    buchen öffnen abrufen aufrufen besuchen ansehen anzeigen verarbeiten senden versenden verschicken bestellen zugreifen identifizieren mitwirken mitmachen äußern anbieten erteilen leisten dienen""")
_DE_MAY = "(?:kann|darf|werde|möchte|will|könnte|würde)"
_DE_I_DO = one_of("""helfe gebe schreibe erstelle mache beantworte nenne teile verrate unterstütze liefere verfasse
    formuliere äußere bespreche diskutiere erkläre tue""")
_DE_NO = "(?:nicht|keine?[nmrs]?)"
_GERMAN = (
    Phrase(f"(?:ich (?:kann|darf|werde|möchte|könnte|würde)|{_DE_MAY} ich)", " ich|ich ", f"{gap(8)} {_DE_NO}{gap(7)} {_DE_DO}"),
    Phrase(f"(?:ich {_DE_I_DO}|{_DE_I_DO} ich)", " ich|ich ", f"{gap(5)} {_DE_NO}(?:[ .,!])"),
    Phrase("(?:kommt|käme) für mich", "für mich", f"{gap(3)} (?:nicht|keinesfalls) (?:in frage|infrage)"),
    Phrase("von mir", "von mir", f"{gap(3)} {_DE_NO}[ .,!]"),
    Phrase("gegen (?:meine|unsere)", "gegen ", f"{gap(2)} [^\\s]*(?:richtlinien|regeln|grundsätze|vorgaben|bedingungen|prinzipien)"),
    Phrase("(?:diese|ihre|deine) (?:anfrage|frage|bitte)", "anfrage|frage|bitte", f"{gap(6)} nicht{gap(3)} (?:bearbeitet|beantwortet|erfüllt|verarbeitet) werden"),
    Phrase("lehne", "lehne", f"{gap(5)} ab\\b", "(?:ich |^)"),
    Phrase("ablehnen", "ablehnen", "", f"{START}(?:muss ich|ich muss|werde ich|ich werde){gap(6)} "),
    Phrase("ich (?:bin|kann)(?: hier)? (?:nur|ausschließlich|lediglich)", "ich bin|ich kann", f"{gap(5)} (?:für|da|zuständig|helfen|beantworten)\\b"),
    Phrase("mir(?: leider)? nicht (?:möglich|erlaubt|gestattet)", "mir ", f"{gap(9)} {_DE_DO}"),
    Phrase("ich bin nicht (?:befugt|berechtigt|dafür|dazu|darauf)", "ich bin"),
)

_FR_DO = one_of("""aider répondre fournir donner partager rédiger écrire créer générer produire reproduire divulguer
    communiquer révéler discuter parler commenter expliquer décrire faire traiter accéder ouvrir poursuivre continuer
    assister proposer prescrire diagnostiquer identifier conseiller participer soutenir accompagner transmettre effectuer
    y_donner donner_suite procéder satisfaire accéder""")
_FR_WILL = "(?:aide|fournir|rédige|écrir|donne|répondr|partage|crée|génère|génére|fe|divulgue|communique|produir|participe|continue|décrir|explique|discute|révèle|prépare|traite)r?ai"
_FRENCH = (
    Phrase("je ne (?:peux|pourrai|puis|vais|veux|souhaite|dois|saurais)", "je ne ", f"{gap(2)} pas{gap(4)} (?:[^\\s]+')?{_FR_DO}"),
    Phrase("je ne (?:vous |te |le |la |les )?" + _FR_WILL, "je ne "),
    Phrase("je (?:préfère|préférerais)", "je pr", " ne pas\\b"),
    Phrase("je (?:refuse|décline|dois décliner|dois refuser)", "je refuse|je d", "(?: (?:de|cette|ce|votre)\\b| d')"),
    Phrase("au regret de", "au regret", " (?:décliner|refuser|ne pas)"),
    Phrase("il (?:m'est impossible|ne m'est pas (?:possible|permis))", "il m|il ne m", f" (?:de |d'){gap(2)} ?(?:[^\\s]+')?{_FR_DO}"),
    Phrase("je ne suis pas (?:autorisée?|habilitée?|en mesure|capable|programmée?|conçue?)", "je ne suis", f" (?:à|de|d'|pour){gap(2)} ?(?:[^\\s]+')?{_FR_DO}"),
    Phrase("(?:contraire|encontre|contre|viole|enfreint|contrevient)", "contraire|encontre|contre|viole|enfreint|contrevient", f"(?: à| de)? (?:mes|nos|ma|notre){gap(2)} (?:règles|directives|principes|politiques?|conditions|consignes|normes)"),
    Phrase("je (?:peux|suis là|suis ici|réponds)", "je ", " (?:uniquement|seulement)"),
    Phrase("je ne (?:(?:peux|puis) (?:vous |t')?(?:répondre|aider|traiter)|réponds|traite)", "je ne ", f"{gap(3)} qu(?:e |'à|'aux)"),
)

_ES_DO = "(?:(?:ayudar|asistir|proporcionar|facilitar|compartir|dar|ofrecer|escribir|redactar|crear|generar|producir|reproducir|revelar|divulgar|responder|contestar|explicar|describir|hacer|realizar|completar|cumplir|participar|colaborar|hablar|comentar|opinar|discutir|diagnosticar|recetar|identificar|acceder|abrir|procesar|atender|mostrar|tramitar|enviar)(?:te|le|les|lo|la|os)?\\b|continuar|seguir\\b)"
_ES_I = "(?:puedo|podré|podemos|debo|voy a|pienso|quiero)"
_ES_WILL = "(?:escribir|redactar|crear|dar|ayudar|compartir|revelar|proporcionar|facilitar|generar|har|responder|participar|continuar|explicar|describir|producir|reproducir)é"
_SPANISH = (
    Phrase(f"no {_ES_I}", "no ", f"{gap(2)} {_ES_DO}"),
    Phrase(f"no (?:te|le|les|lo|la|se) (?:lo |la )?{_ES_I}", "no ", "(?: hacer\\b|[.,;]| {0})".replace("{0}", _ES_DO)),
    Phrase(f"no (?:(?:te|le|les|lo|la) )?{_ES_WILL}", "no "),
    Phrase("no (?:me es posible|se me permite|tengo permitido|estoy autorizad[oa] a|soy capaz de|estoy en condiciones de)", "no ", f"{gap(1)} {_ES_DO}"),
    Phrase("no (?:tengo|cuento con|poseo) (?:la )?(?:capacidad|posibilidad|facultad|permiso|autorización)", "no ", " (?:de|para)"),
    Phrase("(?:prefiero|preferiría) no", "prefer|prefier"),
    Phrase("me niego a", "me niego"),
    Phrase("(?:debo|tengo que) (?:rechazar|declinar|negarme)", "rechazar|declinar|negarme"),
    Phrase("(?:infringe|viola|en contra de|contraviene|incumple)", "infringe|viola|en contra|contraviene|incumple", f" (?:mis|nuestr[ao]s?|mi){gap(2)} (?:políticas?|normas|directrices|reglas|condiciones|principios|pautas)"),
    Phrase("(?:solo|sólo|únicamente) puedo", "puedo", " (?:responder|ayudar|atender|contestar|hablar|asistir)"),
    Phrase("(?:lamento|lo siento,?)(?: pero)? no pod", "no pod"),
)

_JA_DO = "(?:お手伝い|お応え|お答え|対応|提供|協力|支援|回答|案内|開示|共有|公開|掲載|作成|生成|執筆|説明|紹介|診断|助言|アドバイス|アクセス|特定|参加|お教え|お伝え|お受け|サポート|再現|転載|引用|閲覧|行う|書く|教える|答える|手伝う|応じる)"
_JAPANESE = (
    Phrase(f"{_JA_DO}(?:する)?(?:こと)?(?:は|が|を|も)?(?:でき|出来|いたし|致し|し)?(?:ません|かね)", "ません|かね"),
    Phrase("(?:お断り(?:し|いた|させ)|控えさせて|差し控え|遠慮させて|辞退)", "断り|控え|遠慮|辞退"),
    Phrase("(?:ご質問|ご依頼|ご要望|その質問|この質問)", "質問|依頼|要望", "[^\n]{0,20}(?:対象外|範囲外|専門外)"),
    Phrase("(?:ポリシー|ガイドライン|利用規約)に(?:違反|反)", "に違反|に反"),
)

_IT_DO = "(?:aiutar|assister|fornir|condivider|dar|scriver|redigere|crear|generar|produrr|riprodurr|rivelar|risponder|spiegar|descriver|completar|soddisfar|partecipar|aprir|acceder|prenotar|inviar|visualizzar|identificar|diagnosticar|far|eseguir|discuter)[a-z]*"
_ITALIAN = (
    Phrase("non (?:posso|potrò|possiamo|voglio|intendo|devo)", "non p|non v|non i|non d", f"{gap(3)} {_IT_DO}"),
    Phrase("non (?:mi è possibile|sono in grado di|sono autorizzat[oa] a|ho la possibilità di|ho la capacità di|mi è permesso)", "non ", f"{gap(2)} {_IT_DO}"),
    Phrase("non ho accesso (?:a|ai|alle|al|alla|agli|all')", "non ho accesso", f"{gap(2)} (?:tuo|tuoi|tua|tue|suo|suoi|file|link|siti|account|conto|internet)"),
    Phrase("(?:preferisco non|mi rifiuto di|devo rifiutare|devo declinare)", "preferisco non|mi rifiuto|devo r|devo d"),
)

_PT_DO = "(?:ajud|auxili|assist|forne[cç]|compartilh|partilh|escrev|cri|ger|produz|reproduz|revel|divulg|respond|explic|descrev|complet|particip|abr|acess|reserv|envi|execut|identific|diagnostic|discut|atend|realiz|faz|dar)[a-z]*"
_PORTUGUESE = (
    Phrase("não (?:posso|poderei|podemos|consigo|vou|devo|irei)", "não ", f"{gap(2)} {_PT_DO}"),
    Phrase("não (?:sou capaz de|estou autorizad[oa] a|tenho permissão para|me é permitido|tenho (?:a )?capacidade de|tenho como|me é possível)", "não ", f"{gap(2)} {_PT_DO}"),
    Phrase("(?:prefiro não|me recuso a|recuso-me a)", "prefiro n|recuso"),
)

_NL_DO = "(?:helpen|assisteren|geven|verstrekken|delen|schrijven|maken|beantwoorden|genereren|openen|bezoeken|boeken|versturen|uitvoeren|weergeven|onthullen|bespreken|voldoen|meewerken|doen|raadplegen|identificeren)"
_DUTCH = (
    Phrase("(?:ik (?:kan|mag|wil|zal|ga)|(?:kan|mag|wil|zal|ga) ik)", " ik|ik ", f"{gap(6)} (?:niet|geen){gap(6)} {_NL_DO}"),
    Phrase("ik ben niet (?:in staat|bevoegd|gemachtigd)", "ik ben niet", f"{gap(4)} ?{_NL_DO}"),
    Phrase("ik (?:weiger|doe liever niet)", "ik weiger|ik doe"),
)

_ZH_DO = "(?:提供|帮|協助|协助|回答|完成|生成|撰写|写|寫|透露|分享|讨论|满足|创建|继续|参与|访问|打开|浏览|执行|处理|识别|诊断|预订|发送|披露|编写|制作|给出|支持|显示|查看)"
_CHINESE = (
    Phrase("我(?:无法|不能|不会|不可以|没办法|無法|不便)", "我", f"[^\n]{{0,24}}{_ZH_DO}"),
    Phrase("(?:抱歉|对不起|對不起|很遗憾)", "抱歉|对不起|對不起|很遗憾", "[^\n]{0,24}(?:无法|無法|不能|不会|不便)"),
    Phrase("我(?:没有|不具备)", "我", "[^\n]{0,18}(?:能力|权限|功能)"),
)

_KOREAN = (
    Phrase("(?:도와|제공해|알려|답변|답해|작성해|생성해|공유해|설명해|처리해|접근|열어|확인해)", "도와|제공|알려|답|작성|생성|공유|설명|처리|접근|열어|확인", "[^\n]{0,24}(?:수(?:는|가)? ?없|어렵습니다|않습니다|못합니다)"),
    Phrase("(?:죄송|미안)", "죄송|미안", "[^\n]{0,60}(?:수(?:는|가)? ?없|어렵습니다|않습니다|못합니다)"),
)

_RUSSIAN = (
    Phrase("я не (?:могу|буду|стану|имею права|вправе)", "не ", "[^\n.]{0,40}(?:помоч|помогать|предостав|написать|писать|создать|создавать|ответить|отвечать|рассказ|показ|дать|открыть|выполнить|поделиться|раскры|сгенерировать|обсуждать|участвовать|сделать)"),
    Phrase("не (?:могу|буду|получится) (?:вам |тебе |с этим |в этом )?помочь", "помочь"),
    Phrase("у меня нет (?:доступа|возможности)", "у меня нет"),
)

_POLISH = (Phrase("nie (?:mogę|będę|jestem w stanie)", "nie ", f"{gap(4)} (?:pomóc|podać|udostępnić|napisać|stworzyć|odpowiedzieć|otworzyć|wykonać|wygenerować|uczestniczyć)"),)

_OTHERS = (*_ITALIAN, *_PORTUGUESE, *_DUTCH, *_CHINESE, *_KOREAN, *_RUSSIAN, *_POLISH)

DECLINING = (*_ENGLISH, *_GERMAN, *_FRENCH, *_SPANISH, *_JAPANESE, *_OTHERS)
"""Sentences that decline, to be looked for in decoded text that a model says itself."""
