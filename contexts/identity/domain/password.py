"""Which passwords may be set: long enough, and not among those that are tried first.

As NIST SP 800-63B says: a length and a list of what is common, and no rules of composition. The list is zxcvbn's,
with ours beside it for what people here choose; zxcvbn also knows keyboards, sequences, repetitions and l33t.
"""

import re
from typing import Final

from zxcvbn import zxcvbn

from contexts.shared.codes import DetailCode
from contexts.shared.rejections import Detail
from contexts.shared.text import BLANK, UNPRINTABLE, too_long

MIN_PASSWORD: Final = 10
MAX_PASSWORD: Final = 1024

_FEWEST_GUESSES: Final = 10**6
_LOOKED_AT: Final = 24
"""Characters that are judged: what is hard to guess here is hard with more behind it, and judging takes time
with the square of them."""
_PERSONAL_LOOKED_AT: Final = 254
"""Characters of each personal input that are looked at: a whole e-mail address."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

_WORDS = """
acesso admin administrador alvenaria amigos amizade amor amorzinho anjo argamassa areia atletico avai bahia barueri
belem bemtevi bloco botafogo brasil brasileiro brita bruna cachorro caixa calcario camila carlos carnaval carro casa
cavalo ceara cerveja chocolate cimento cliente comercial compras concreto construcao construtora contabil coracao
corinthians coritiba cruzeiro daniel deus deusefiel deposito diretoria eduardo empresa engenharia escritorio estoque
estrela familia felicidade felipe ferragem ferro feliz fernanda financeiro flamengo fluminense fortaleza futebol gabriel
galo gatinho goias gostosa gremio guilherme gustavo inter internacional janeiro fevereiro marco abril maio junho julho
agosto setembro outubro novembro dezembro jesus jesuscristo jesusteama joao jose juliana larissa leonardo leticia
liberdade loja lucas madeira maria mariana materiais material mateus matheus mengao mudar mudeaqui natal nossasenhora
obra obras palmeiras paraiba parana paulista paysandu pedido pedreiro pedro pernambuco piso porta princesa prumo rafael
recife remo rodrigo salvador samba santos saopaulo segredo segunda senha senhas sexta sport telha teste thiago tijolo
tinta trocar vasco vendas vendedor vergalhao verao vida vitoria
senha@123 senha@1234 senha@12345 mudar@123 mudar@1234 trocar@123 admin@123 admin@1234 teste@123 brasil@123 brasil@2026
empresa@123 obra@2026
"""
"""The last two lines are what rules of composition have taught people to add."""
_COMMON_HERE: Final = tuple(_WORDS.split())


def may_be_password(text: str) -> bool:
    """Whether a user could have this password; the rest is refused without hashing or asking the database."""
    return 0 < len(text) <= MAX_PASSWORD and not _NO_TEXT.search(text)


def password_malformed(text: str, field: str) -> Detail | None:
    """Why this can be no password, as far as a glance tells."""
    path = ("input", field)
    if not text.strip():
        return BLANK.at(*path)
    if len(text) < MIN_PASSWORD:
        return Detail(path, DetailCode.TOO_SHORT, f"must have at least {MIN_PASSWORD} characters")
    if len(text) > MAX_PASSWORD:
        return too_long(MAX_PASSWORD).at(*path)
    if _NO_TEXT.search(text):
        return UNPRINTABLE.at(*path)
    return None


def password_problem(text: str, field: str, *personal: str) -> Detail | None:
    """Why this may not be set as a password; `personal` is what others know of its owner: name, e-mail.

    Takes a core up to half a second for a text made to that end: never on the event loop, see `Passwords.problem`.
    """
    if malformed := password_malformed(text, field):
        return malformed
    path = ("input", field)
    personal = tuple(each[:_PERSONAL_LOOKED_AT] for each in personal)
    known = [*_COMMON_HERE, *(word for each in personal for word in (each, *re.split(r"\W+", each)) if word)]
    is_known = text.casefold() in map(str.casefold, personal)
    if is_known or zxcvbn(text[:_LOOKED_AT], user_inputs=known)["guesses"] < _FEWEST_GUESSES:
        return Detail(
            path, DetailCode.TOO_COMMON, "is among the passwords tried first; choose another, longer one"
        )
    return None
