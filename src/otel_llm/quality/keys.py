"""Keys, tokens and passwords: how their makers spell them, and what stands before those that have
no spelling of their own.

Most makers begin their keys with letters of their own, so that they can be found where they leak;
where they do not, a header, a variable or an address says what follows. Sources are the makers'
own pages and the rules that they register with code hosts for secret scanning (2026).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from math import log2

from .shape import Shape
from .words import Pattern

_MIN_BITS = 3.0
"""Entropy per character of a real key; ``xxxxxxxx`` and ``your-key-here`` have less."""
_EXAMPLE = re.compile(
    r"example|sample|dummy|xxxx|your|placeholder|changeme|redacted|12345678|:pass(?:word)?@"
    r"|:[a-z_]*(?:key|secret|token|pass|passwd|password)@|//([\w.-]+):\1@",
    re.I,
)


def _random(found: str) -> bool:
    counts = Counter(found)
    bits = -sum(n / len(found) * log2(n / len(found)) for n in counts.values())
    return bits >= _MIN_BITS and not _EXAMPLE.search(found)


_CODE = re.compile(r"[A-Za-z_][\w.]*[(\[]")


def _password(found: str) -> bool:
    """Take words with letters and digits, as passwords are and the rest of a sentence is not."""
    word = re.split(r"[\s:=\"']+", found.rstrip(".,;\"'"))[-1]
    return not _CODE.match(word) and len(word) >= 8 and _mixed(word) and _random(word)


def _credential(found: str) -> bool:
    """Take what has letters and digits: it is longer than a password, and may end in ``=``."""
    word = re.split(r"[\s:]+", found)[-1]
    return _mixed(word) and _random(word)


def _mixed(word: str) -> bool:
    return any(map(str.isdigit, word)) and any(map(str.isalpha, word))


def _key_block(found: str) -> bool:
    return "PRIVATE KEY" in found


_START = r"(?:\b|\\[nrt])"
"""A line may begin so in encoded text."""
_ANY = "[A-Za-z0-9_-]"
_ASSIGNED = r"\\?[\"']?(?: is:?| ?[:=]) ?\\?[\"']?"

_Row = tuple[str, str, str, Callable[[str], bool]]
_PREFIXED: tuple[tuple[str, str, str], ...] = (
    (
        "openai_key",
        rf"sk-(?:proj-|svcacct-|admin-|None-|ant-[a-z0-9]+-)?{_ANY}{{20,}}|sess-[A-Za-z0-9]{{40}}",
        "sk-|sess-",
    ),
    (
        "aws_key",
        r"(?:AKIA|ASIA)[0-9A-Z]{16}\b|ABSK[A-Za-z0-9+/]{40,}={0,2}"
        r"|bedrock-api-key-[A-Za-z0-9+/]{40,}={0,2}",
        "akia|asia|absk|bedrock-api-key-",
    ),
    (
        "github_token",
        r"gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,}",
        "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
    ),
    (
        "gitlab_token",
        rf"gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|oas)-{_ANY}{{20,}}(?:\.[a-z0-9.]{{9,}})?",
        "glpat-|gldt-|glrt-|glrtr-|glcbt-|glptt-|glft-|glimt-|glagent-|glsoat-|glffct-|gloas-",
    ),
    (
        "slack_token",
        r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9%-]{10,}|xapp-\d-[A-Za-z0-9-]{20,}",
        "xox|xapp-",
    ),
    ("telegram_token", r"\d{8,10}:AA[A-Za-z0-9_-]{32,34}\b", ":aa"),
    (
        "google_key",
        rf"AIza{_ANY}{{35}}|AQ\.Ab{_ANY}{{30,}}|ya29\.{_ANY}{{30,}}|GOCSPX-{_ANY}{{28}}|1//0{_ANY}{{30,}}",
        "aiza|aq.ab|ya29.|gocspx-|1//0",
    ),
    ("huggingface_token", r"(?:hf|api_org)_[A-Za-z0-9]{30,}", "hf_|api_org_"),
    ("stripe_key", r"(?:[rs]k_live|whsec)_[A-Za-z0-9+/]{16,}", "k_live_|whsec_"),
    ("npm_token", r"npm_[A-Za-z0-9]{36}", "npm_"),
    ("sendgrid_key", rf"SG\.{_ANY}{{16,}}\.{_ANY}{{16,}}", "sg."),
    (
        "azure_key",
        r"(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{40,}={0,2}"
        r"|[A-Za-z0-9]+JQQJ99[A-Za-z0-9]{20,}|[A-Za-z0-9]+Q~[A-Za-z0-9_.~-]{30,}",
        "accountkey|sharedaccesskey|jqqj99|q~",
    ),
    (
        "signed_url",
        r"(?:sig|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature)=[A-Za-z0-9%+/_-]{24,}",
        "sig=|x-amz-s|x-goog-sig",
    ),
    (
        "webhook",
        r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks"
        r"|webhook\.office\.com/webhookb2|hooks\.zapier\.com/hooks/catch)/[A-Za-z0-9@/_-]{12,}",
        "hooks.slack.com|/api/webhooks|/webhookb2|hooks.zapier.com",
    ),
    (
        "provider_token",
        rf"(?:gsk_|xai-|r8_|pplx-|do[opr]_v1_|pypi-AgE|lin_api_|shp(?:at|ca|pa|ss)_|dapi){_ANY}{{30,}}"
        rf"|(?:nvapi-|jina_|pcsk_|wandb_v1_|vck_|sb_secret_|sbp_|ops_eyJ|hv[bsr]\.|glsa_|fo1_){_ANY}{{30,}}"
        r"|(?:csk-|rpa_|napi_|figd_|ntn_|tvly-dev-|tvly-|pylf_v\d_[a-z]{2}_)[A-Za-z0-9_-]{30,}"
        r"|(?:glc_|sntrys_|fm2_)[A-Za-z0-9+/_-]{30,}={0,2}",
        "gsk_|xai-|r8_|pplx-|dop_v1_|doo_v1_|dor_v1_|pypi-|lin_api|shpat_|shpca_|shppa_|shpss_|dapi"
        "|nvapi-|jina_|pcsk_|wandb_v1_|vck_|sb_secret_|sbp_|ops_eyj|hvb.|hvs.|hvr.|glsa_|fo1_"
        "|csk-|rpa_|napi_|figd_|ntn_|tvly-|pylf_v|glc_|sntrys_|fm2_",
    ),
    (
        "provider_token",
        r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|[ps]k-lf-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        r"|tgp_v1_[A-Za-z0-9_-]{30,}|fw_[A-Za-z0-9]{22,}|e2b_[0-9a-f]{30,}|sk_[0-9a-f]{40,}"
        r"|esecret_[A-Za-z0-9]{24,}|fc-[0-9a-f]{32}|pa-[A-Za-z0-9]{20}[A-Za-z0-9_-]{23}"
        r"|dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9.]{30,}|key-[0-9a-f]{32}"
        r"|SK[0-9a-f]{32}\b|NRAK-[A-Z0-9]{27}|PMAK-[0-9a-f]{24}-[0-9a-f]{30,}|HRKU-[A-Za-z0-9_-]{36,}"
        r"|pscale_[a-z]+_[A-Za-z0-9_.-]{32,}|dckr_[po]at_[A-Za-z0-9_-]{20,}|rubygems_[0-9a-f]{30,}"
        r"|sgp_[0-9a-f_]{30,}|rnd_[A-Za-z0-9]{28,}|ATATT3[A-Za-z0-9_=-]{30,}|ATBB[A-Za-z0-9]{32}"
        r"|pat[A-Za-z0-9]{14}\.[0-9a-f]{30,}|[A-Za-z0-9]+\.atlasv1\.[A-Za-z0-9_-]{20,}"
        r"|v1\.0-[0-9a-f]{24}-[0-9a-f]{30,}|LTAI[A-Za-z0-9]{20,}|AKID[A-Za-z0-9]{32}"
        r"|AGE-SECRET-KEY-1[A-Z0-9]{20,}",
        "lsv2_|k-lf-|tgp_v1_|fw_|e2b_|sk_|esecret_|fc-|pa-|dp.|key-|sk|nrak-|pmak-|hrku-|pscale_"
        "|dckr_|rubygems_|sgp_|rnd_|atatt3|atbb|pat|.atlasv1.|v1.0-|ltai|akid|age-secret",
    ),
    ("jwt", rf"eyJ{_ANY}{{8,}}\.eyJ{_ANY}{{8,}}\.{_ANY}{{8,}}", "eyj"),
)
_ROWS: tuple[_Row, ...] = (
    *((kind, f"{_START}(?:{regex})", stems, _random) for kind, regex, stems in _PREFIXED),
    (
        "basic_auth",
        r"(?i:authorization: ?basic) [A-Za-z0-9+/]{12,}={0,2}",
        "authorization",
        _random,
    ),
    (
        "bearer_token",
        r"(?i:\bbearer|authorization\\?[\"']?: ?\\?[\"']?(?:token|bot|apikey))"
        r" [A-Za-z0-9._~+/-]{16,}={0,2}",
        "bearer|authorization",
        _credential,
    ),
    ("cookie", r"(?i:cookie: ?)[^\s=;]+=[^\s;\"']{16,}", "cookie", _credential),
    ("private_key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY", "private key", _key_block),
    (
        "password_in_url",
        r"\b[a-z][a-z0-9+]{1,20}://[^\s:/@\"]{0,60}:[^\s:/@\"]{6,60}@",
        "://",
        _random,
    ),
    (
        "password",
        r"(?i:password|passphrase|passwd|pwd|secret|(?:api|access|secret)[_ -]?key"
        rf"|(?:auth|access|api|bot|refresh|session)[_ -]token){_ASSIGNED}[^\s\"']{{8,}}",
        "passw|passphrase|pwd|secret|api|access|auth|token",
        _password,
    ),
    (
        "password",
        rf"{_START}[A-Z][A-Z0-9_]*_(?:KEY|TOKEN|SECRET|PASS)\\?[\"']?=\\?[\"']?[^\s\"']{{12,}}"
        r"|(?i:[?&](?:key|token|auth|secret|sig)=)[^\s\"'&#]{12,}",
        "_key|_token|_secret|_pass|key=|token=|auth=|secret=|sig=",
        _password,
    ),
)
_ROUGH = {"password_in_url": Pattern(r"[a-z0-9+]://[^\s:/@\"]*:[^\s:/@\"]+@", (b"://",))}
SECRETS = tuple(
    Shape(
        kind,
        Pattern(regex, tuple(stem.encode() for stem in stems.split("|"))),
        proves,
        _ROUGH.get(kind),
    )
    for kind, regex, stems, proves in _ROWS
)
