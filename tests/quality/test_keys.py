"""Keys as their makers write them: found wherever they are told, and nothing else is."""

from __future__ import annotations

import hashlib
import random
import string

import pytest

from otel_llm.collector.redaction import Redactor
from otel_llm.collector.redaction.redactor import KINDS
from otel_llm.quality.leaks import find_secrets

_RANDOM = random.Random(2026)
_SETS = {
    "a": string.ascii_letters + string.digits,
    "h": "0123456789abcdef",
    "u": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "d": string.digits,
}
UUID = "{h8}-{h4}-{h4}-{h4}-{h12}"
SPELLED = """
sk-{a48}
sk-proj-{a74}T3BlbkFJ{a74}
sk-svcacct-{a60}
sk-admin-{a60}
sess-{a40}
sk-ant-api03-{a93}AA
sk-ant-admin01-{a93}AA
sk-ant-oat01-{a93}AA
sk-or-v1-{h64}
sk-lf-UUID
pk-lf-UUID
xai-{a80}
gsk_{a52}
AIza{a35}
AQ.Ab8RN6{a45}
ya29.{a120}
GOCSPX-{a28}
AKIA{u16}
ASIA{u16}
ABSK{a110}=
bedrock-api-key-{a120}
{a52}JQQJ99BCACYeBjFXJ3w3AAABACOG{a4}
hf_{a34}
r8_{a37}
pplx-{a48}
tgp_v1_{a43}
fw_{a24}
csk-{l48}
nvapi-{a64}
pa-{a43}
jina_{a60}
tvly-dev-{a32}
fc-{h32}
pcsk_{a6}_{a63}
lsv2_pt_{h32}_{h10}
lsv2_sk_{h32}_{h10}
pylf_v1_us_{a43}
wandb_v1_{a70}
vck_{a56}
ghp_{a36}
github_pat_{a22}_{a59}
glpat-{a20}
glrt-{a20}
xoxb-{d12}-{d12}-{a24}
xapp-1-A{u10}-{d13}-{h64}
xoxe.xoxp-1-{a146}
sk_live_{a99}
whsec_{a32}
SK{h32}
SG.{a22}.{a43}
key-{h32}
npm_{a36}
pypi-AgEIcHlwaS5vcmc{a120}
dapi{h32}
hvs.{a90}
hvb.{a130}
dop_v1_{h64}
doo_v1_{h64}
sbp_{h40}
sb_secret_{a31}
{d10}:AA{a33}
shpat_{h32}
lin_api_{a40}
ntn_{d11}{a35}
glsa_{a32}_{h8}
NRAK-{u27}
dp.pt.{a43}
PMAK-{h24}-{h34}
dckr_pat_{a27}
rubygems_{h48}
ATATT3xFfGF0{a180}
{a14}.atlasv1.{a67}
AGE-SECRET-KEY-1{u58}
Authorization: Bearer {a40}
"authorization": "bearer {h40}"
Cookie: session={a40}
https://hooks.slack.com/services/T{u8}/B{u10}/{a24}
https://hooks.slack.com/triggers/T{u8}/{d13}/{h32}
https://discord.com/api/webhooks/{d18}/{a68}
https://acc.blob.core.windows.net/c?sv=2024-11-04&sig={a43}%3D
https://b.s3.amazonaws.com/k?X-Amz-Signature={h64}
https://generativelanguage.googleapis.com/v1beta/models?key={a39}
redis://:{a20}@
SharedAccessKey={a43}=
CLOUDFLARE_API_TOKEN={a40}
VERCEL_TOKEN={a24}
AZURE_OPENAI_API_KEY={a84}
""".strip().splitlines()


def made(form: str) -> str:
    """A key of that form: ``{h32}`` is 32 hexadecimal digits; always the same."""
    text = form.replace("UUID", UUID)
    for kind, letters in _SETS.items():
        for length in range(200, 0, -1):
            while f"{{{kind}{length}}}" in text:
                chosen = "".join(_RANDOM.choices(letters, k=length))
                text = text.replace(f"{{{kind}{length}}}", chosen, 1)
    return text


KEYS = [made(form) for form in SPELLED]
REDACTOR = Redactor(KINDS, {}, [], None)


@pytest.mark.parametrize("key", KEYS, ids=SPELLED)
def test_a_key_is_found_and_taken_out_to_its_end(key: str):
    text = f"Use this:\n{key} and go on"

    assert len(list(find_secrets(text))) > 0
    kept = REDACTOR.text(text)
    assert "[" in kept
    assert key[-8:].rstrip("=") not in kept


@pytest.mark.parametrize("key", KEYS, ids=SPELLED)
def test_a_key_at_the_start_of_a_line_of_encoded_text_is_found(key: str):
    assert list(find_secrets("Use this:\\n" + key)) != []


@pytest.mark.parametrize(
    "text",
    [
        hashlib.sha256(b"a file").hexdigest(),
        hashlib.sha1(b"a commit", usedforsecurity=False).hexdigest(),
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "chatcmpl-9x8Kjhas8d7HJKhas8d7ahjsd and call_Jk3hsd8asd7HJKahsd8askjd",
        "toolu_01A09q90qw90lq917835lq9, msg_01XFDUDYJgAACzvnptvVoYEL, req_011CQabcdefghijk",
        "org-AbC123dEf456GhI789jKl012, file-AbC123dEf456GhI789jKl012",
        "MAX_TOKEN=4096 and CACHE_KEY=f'user:{user_id}'",
        "api_key=os.environ['OPENAI_API_KEY']",
        "pa-rt-of-a-long-slug-with-many-words-in-it",
        "the bearer of this letter, born 1984, brings news",
        "https://example.com/items?key=name&page=2",
        "risk-based-approach-to-everything-new",
        "v1.0-beta, eslint@2.29.1, the fc-barcelona team, import xai_sdk",
    ],
)
def test_what_only_looks_odd_is_no_key(text: str):
    assert list(find_secrets(text)) == []
