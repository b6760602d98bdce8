"""Raw segment values → the closed vocabulary of the SLO file."""

from __future__ import annotations

from voice_slo.spec import OTHER, UNKNOWN, Segment

LANGUAGE = "language"

_TWO_LETTER = dict(
    pair.split(":")
    for pair in (
        "afr:af amh:am ara:ar aze:az bel:be ben:bn bul:bg cat:ca ces:cs cze:cs cym:cy wel:cy dan:da deu:de ger:de "
        "ell:el gre:el eng:en est:et eus:eu baq:eu fas:fa per:fa fin:fi fra:fr fre:fr gle:ga glg:gl guj:gu hau:ha "
        "heb:he hin:hi hrv:hr hun:hu hye:hy arm:hy ind:id isl:is ice:is ita:it jpn:ja kan:kn kat:ka geo:ka kaz:kk "
        "khm:km kor:ko lao:lo lav:lv lit:lt mal:ml mar:mr mkd:mk mac:mk mon:mn msa:ms may:ms mya:my bur:my nep:ne "
        "nld:nl dut:nl nor:no nob:nb nno:nn pan:pa pol:pl por:pt pus:ps ron:ro rum:ro rus:ru sin:si slk:sk slo:sk "
        "slv:sl som:so spa:es sqi:sq alb:sq srp:sr swa:sw swe:sv tam:ta tel:te tgl:tl tha:th tur:tr ukr:uk urd:ur "
        "uzb:uz vie:vi yor:yo zho:zh chi:zh zul:zu"
    ).split()
)
"""ISO 639-2 (both its codes where they differ) → ISO 639-1, for the languages speech services offer."""


def counted(segment: Segment, raw: str | None) -> str:
    """The value under which a raw one counts: itself, by alias, `other` when not listed, `unknown` when there is none.

    A language also matches by its primary subtag, written in ISO 639-1 or 639-2.
    """
    if raw is None or raw == "":
        return UNKNOWN
    if segment.max_values is not None:
        return raw
    found = _listed(segment, raw)
    if found is None and segment.name == LANGUAGE:
        primary = raw.replace("_", "-").split("-")[0].lower()
        found = _listed(segment, primary) or _listed(segment, _TWO_LETTER.get(primary, ""))
    return found or OTHER


def _listed(segment: Segment, raw: str) -> str | None:
    return raw if raw in segment.values else segment.aliases.get(raw)
