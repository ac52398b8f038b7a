"""On which shelf an imported good belongs, told by the words of its name.

A published sheet has no categories. It puts the noun first ("TUBO PVC, …"), so that decides, unless an earlier
rule knows what the good is for ("… PARA ESGOTO"). A shelf that the shop may have already is the same there.
"""

import re
from dataclasses import dataclass

from gateway.importer.words import folded


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category to be."""

    slug: str
    name: str


OTHERS = Shelf("outros-insumos", "Outros insumos")
LABOUR = Shelf("mao-de-obra", "Mão de obra")


def _rule(slug: str, name: str, nouns: str, about: str = "") -> tuple[Shelf, re.Pattern[str]]:
    """Fits names that begin with one of the nouns or have one of the phrases in `about` anywhere."""

    def any_of(phrases: str) -> str:
        return "|".join(re.escape(" ".join(phrase.split())) for phrase in phrases.split(","))

    pattern = rf"^(?:{any_of(nouns)})\b" + (rf"|\b(?:{any_of(about)})\b" if about else "")
    return Shelf(slug, name), re.compile(pattern)


# The first rule that fits decides, so the narrow ones come before the wide ones.
_RULES = (
    _rule(
        "locacao",
        "Locação de equipamentos",
        "LOCACAO",
    ),
    _rule(
        "combustiveis-e-energia",
        "Combustíveis, lubrificantes e energia",
        """
        ENERGIA ELETRICA, GASOLINA, ETANOL, OLEO DIESEL, OLEO LUBRIFICANTE, GRAXA, GAS DE COZINHA,
        ACETILENO, OXIGENIO, LUBRIFICANTE
        """,
    ),
    _rule(
        "combate-a-incendio",
        "Combate a incêndio",
        "EXTINTOR, SPRINKLER, HIDRANTE, ESGUICHO, CHAVE DUPLA",
        about="INCENDIO, STORZ",
    ),
    _rule(
        "maquinas-e-equipamentos",
        "Máquinas e equipamentos",
        """
        TRATOR, MICRO TRATOR, CAMINHAO, CAMINHONETE, PICAPE, ESCAVADEIRA, MINIESCAVADEIRA,
        RETROESCAVADEIRA, MOTONIVELADORA, GUINDASTE, GUINDAUTO, GUINCHO, GRUA, PA CARREGADEIRA,
        MINICARREGADEIRA, PERFURATRIZ, USINA, BETONEIRA, COMPACTADOR, ROLO COMPACTADOR, VIBRADOR,
        VIBROACABADORA, COMPRESSOR, GRUPO GERADOR, GERADOR, CARROCERIA, CAVALO MECANICO,
        SEMIRREBOQUE, CACAMBA, BATE ESTACAS, FRESADORA, DUMPER, ELEVADOR, ESPARGIDOR,
        HIDROJATEADORA, LIMPADORA, TERMOFUSORA, TALHA, TROLEY, MARTELO DEMOLIDOR, MARTELO
        PERFURADOR, ROMPEDOR, MAQUINA DEMARCADORA, MAQUINA MANUAL, MAQUINA TIPO, MAQUINA
        TRANSFORMADORA, MAQUINA PARA, MAQUINA EXTRUSORA, DISTRIBUIDOR DE AGREGADOS, TANQUE DE ACO,
        TANQUE DE ASFALTO, CORTADEIRA, ALISADORA, LIXADEIRA, ESMERILHADEIRA, POLIDORA, MISTURADOR DE
        ARGAMASSA, MISTURADOR DUPLO, MISTURADOR MANUAL, MOTOR, DOBRADEIRA, PROJETOR DE ARGAMASSA,
        PROJETOR PNEUMATICO, EQUIPAMENTO, GRADE, ARADO, CONTAINER, KIT ACESSORIOS PARA COMPRESSOR,
        RECICLADORA, SERRA, VASSOURA MECANICA, MANIPULADOR, MESA VIBRATORIA, PENEIRA ROTATIVA, BOMBA
        DE PROJECAO, BOMBA TRIPLEX, MOTOBOMBA TRASH
        """,
    ),
    _rule(
        "epi",
        "Segurança e EPI",
        """
        CAPACETE, BOTA, LUVA RASPA, LUVA DE BORRACHA ISOLANTE, OCULOS, CINTURAO, AVENTAL, PROTETOR
        AUDITIVO, PROTETOR SOLAR, MASCARA, CAPA PARA CHUVA, RESPIRADOR, TRAVA QUEDAS, TALABARTE,
        MANGOTE, TELA FACHADEIRA
        """,
    ),
    _rule(
        "vidros",
        "Vidros",
        "VIDRO, ESPELHO CRISTAL",
    ),
    _rule(
        "redes-e-telefonia",
        "Redes e telefonia",
        "PATCH, RACK, CABO TELEFONICO, CABO DE REDE, CABO COAXIAL, BASTIDOR",
        about="RJ45, RJ11, RJ, TELEFONIA, CATEGORIA 6A",
    ),
    _rule(
        "climatizacao",
        "Climatização e aquecimento",
        "AR CONDICIONADO, AQUECEDOR",
        about="AR CONDICIONADO, ISOLAMENTO TERMICO",
    ),
    _rule(
        "iluminacao",
        "Iluminação",
        "LAMPADA, LUMINARIA, SOQUETE, BOCAL, BRACO P LUMINARIA, APARELHO SINALIZADOR",
        about="LAMPADA, LUMINARIA",
    ),
    _rule(
        "fios-e-cabos",
        "Fios e cabos",
        "CABO DE COBRE, CABO DE ALUMINIO, CABO FLEXIVEL, CABO MULTIPOLAR, FIO, CORDAO, CONDUTOR",
    ),
    _rule(
        "eletrica",
        "Materiais elétricos",
        """
        DISPOSITIVO DPS, DISPOSITIVO DR, INTERRUPTOR, INTERRUPTORES, TOMADA, TOMADAS, DISJUNTOR,
        QUADRO, CONTATOR, FUSIVEL, TRANSFORMADOR, CAIXA DE LUZ, CAIXA DE DERIVACAO, CAIXA DE
        PASSAGEM, CAIXA DE PROTECAO, CAIXA INTERNA, CAIXA OCTOGONAL, CAIXA PARA MEDICAO, CAIXA PARA
        MEDIDOR, CAIXA MODULAR, PULSADOR, ISOLADOR, TERMINAL A COMPRESSAO, TERMINAL METALICO,
        CONECTOR, NOBREAK, ESTABILIZADOR, VARIADOR, CALHA CANALETA, FITA ISOLANTE, RELE, BASE PARA
        RELE, CAPTOR, MINICAPTOR, MINICAPTORES, MASTRO, BASE PARA MASTRO, ESPELHO PLACA, SUPORTE DE
        FIXACAO PARA ESPELHO, SUPORTE ISOLADOR, CAMPAINHA, INVERSOR, TAMPA CEGA, TAMPA PARA
        CONDULETE, ARMACAO VERTICAL, ALCA PREFORMADA, CAPACITOR, HASTE ANCORA, HASTE DE ATERRAMENTO,
        CABECOTE PARA ENTRADA, CENTRO DE MEDICAO, CINTA CIRCULAR, AUTOMATICO DE BOIA, BUCHA EM
        ALUMINIO, ARRUELA EM ALUMINIO, ANEL DE DISTRIBUICAO, FITA ACO INOX PARA CINTAR, KIT DE
        MATERIAIS PARA BRACADEIRA, SAPATILHA
        """,
        about="""
        ELETRODUTO, ELETRODUTOS, CONDULETE, PERFILADO, PARA RAIO, PARA RAIOS, ATERRAMENTO, DUTO PEAD
        CORRUGADO, DUTO CORRUGADO PEAD
        """,
    ),
    _rule(
        "caixas-dagua",
        "Caixas-d'água e reservatórios",
        "CAIXA D AGUA",
    ),
    _rule(
        "loucas-e-metais",
        "Louças, torneiras e registros",
        """
        TORNEIRA, REGISTRO, MISTURADOR, BACIA, LAVATORIO, CUBA, MICTORIO, ASSENTO, CHUVEIRO, DUCHA,
        SIFAO, SABONETEIRA, PAPELEIRA, CABIDE, BANCADA, BANCO ARTICULADO, TANQUE, VALVULA, ENGATE,
        BOLSA, BARRA DE APOIO, TOALHEIRO, PORTA TOALHA, DOSADOR, ACABAMENTO DE METAL, CANOPLA, CAIXA
        DE DESCARGA, SUPORTE MAO FRANCESA, PARAFUSO NIQUELADO, BASE DE MISTURADOR, CONJUNTO DE
        LIGACAO, KIT CAVALETE, KIT DE ACESSORIOS PARA BANHEIRO, BRACO CANO PARA CHUVEIRO, BRACO OU
        HASTE, FURO PARA TORNEIRA
        """,
    ),
    _rule(
        "esgoto-e-drenagem",
        "Esgoto e drenagem",
        """
        RALO, CAIXA SIFONADA, CAIXA DE GORDURA, GRELHA, TAMPAO FOFO, TIL, TUBO DE CONCRETO, TUBO PVC
        CORRUGADO, TUBO DRENO, TERMINAL DE VENTILACAO, PROLONGAMENTO, FILTRO ANAEROBIO
        """,
        about="ESGOTO, DRENAGEM, PLUVIAL, POCO, POCOS, FOSSA, SUMIDOURO",
    ),
    _rule(
        "tubos-e-conexoes",
        "Tubos e conexões de água",
        """
        TUBO, LUVA, CURVA, TE, JOELHO, COTOVELO, UNIAO, NIPLE, CAP, PLUG, BUCHA DE REDUCAO,
        ADAPTADOR, REDUCAO, JUNCAO, FLANGE, COLAR, CRUZETA DE FERRO, DISTRIBUIDOR, ANEL BORRACHA,
        ANEL DE VEDACAO, TAMPAO, EXTREMIDADE, MANGUEIRA, JUNTA DE EXPANSAO, ACOPLAMENTO, CARENAGEM,
        FITA VEDA ROSCA, ADESIVO PLASTICO, ADESIVO PARA TUBOS, SOLUCAO, PASTA LUBRIFICANTE, PASTA
        VEDA, PASTA PARA SOLDA, CAIXA PARA HIDROMETRO, CAVALETE, CONTRA PORCA, BOMBA, MOTOBOMBA,
        HIDROMETRO, MANOMETRO, CARRANCA, TARIFA
        """,
        about="AGUA FRIA, PEX",
    ),
    _rule(
        "geossinteticos",
        "Geossintéticos e contenções",
        "GABIAO, GEOTEXTIL, GEOGRELHA, MANTA GEOTEXTIL, MANTA TERMOPLASTICA, TIRANTE",
    ),
    _rule(
        "explosivos",
        "Explosivos e acessórios",
        """
        ACESSORIO DE LIGACAO, ACESSORIO INICIADOR, CONJUNTO MONTADO ESTOPIM, CORDEL DETONANTE,
        EMULSAO EXPLOSIVA, ESPOLETA, ESTOPIM, POLVORA, RETARDO
        """,
    ),
    _rule(
        "sinalizacao",
        "Placas e sinalização",
        """
        PLACA DE SINALIZACAO, PLACA DE OBRA, PLACA DE INAUGURACAO, PLACA DE ACO ESMALTADA, PLACA DE
        ACRILICO, PLACA NUMERACAO, PLACA ORIENTATIVA, NUMERO, LETRA, CONE DE SINALIZACAO, PELICULA
        REFLETIVA, MICROESFERAS
        """,
    ),
    _rule(
        "asfalto-e-pavimentacao",
        "Asfalto e pavimentação",
        """
        ASFALTO, EMULSAO ASFALTICA, CONCRETO BETUMINOSO, BLOQUETE, PLACA PISO DE CONCRETO, MEIO FIO,
        PARALELEPIPEDO
        """,
    ),
    _rule(
        "cimento",
        "Cimento",
        "CIMENTO",
    ),
    _rule(
        "cal",
        "Cal",
        "CAL, CALCARIO, POZOLANA, METACAULIM, SILICA ATIVA",
    ),
    _rule(
        "argamassa-e-rejunte",
        "Argamassa, rejunte e graute",
        "ARGAMASSA, REJUNTE, GRAUTE",
    ),
    _rule(
        "concreto-e-premoldados",
        "Concreto e pré-moldados",
        """
        CONCRETO, LAJE, POSTE, POSTES, MOURAO, PILAR, ESTACA, CRUZETA DE CONCRETO, ANEL EM CONCRETO,
        SERVICO DE BOMBEAMENTO, ESPACADOR, PROTETOR PONTEIRA, ADUELA, ESCORA PRE
        """,
        about="PRE MOLDADO, PRE MOLDADA",
    ),
    _rule(
        "blocos-e-tijolos",
        "Blocos e tijolos",
        """
        BLOCO, MEIO BLOCO, TIJOLO, ELEMENTO VAZADO, CANALETA DE CONCRETO, CANALETA ESTRUTURAL, MEIA
        CANALETA
        """,
    ),
    _rule(
        "areia-e-pedra",
        "Areia, pedra e agregados",
        """
        AREIA, PEDRA BRITADA, PEDRA DE MAO, PEDRA GRANITICA OU, PO DE PEDRA, ARGILA, AGREGADO,
        SAIBRO, SEIXO, BENTONITA, GRANILHA, GRANALHA
        """,
    ),
    _rule(
        "telhas-e-coberturas",
        "Telhas e coberturas",
        "TELHA, CUMEEIRA, RUFO, CALHA, DOMOS, PLACA DE VENTILACAO",
        about="TELHA, TELHAS",
    ),
    _rule(
        "impermeabilizantes",
        "Impermeabilizantes e aditivos",
        """
        MANTA, IMPERMEABILIZANTE, ADITIVO, DESMOLDANTE, MEMBRANA, PRIMER, SELANTE, SILICONE, AGENTE
        DE CURA, ADESIVO, COLA, FITA CINTA, JUNTA DILATACAO, VEU, LONA, CAMADA SEPARADORA,
        ENDURECEDOR, POLIESTIRENO, PAINEL DE LA, FIBRA, ESPUMA, TARUGO, PAPEL KRAFT, IMUNIZANTE,
        APOIO DO
        """,
    ),
    _rule(
        "gesso-e-drywall",
        "Gesso e drywall",
        """
        GESSO, PLACA CHAPA DE GESSO, PLACA DE GESSO, PLACA DE FIBRA MINERAL, PLACA CIMENTICIA,
        FORRO, RODAFORRO, ACABAMENTO SIMPLES, PERFIL TABICA, PERFIL LONGARINA, PERFIL TRAVESSA,
        PERFIL CANALETA, PERFIL GUIA, PERFIL MONTANTE, PERFIL CARTOLA, PERFIL RODAPE, PERFIL TIPO
        CANTONEIRA, PENDURAL, SISAL, DIVISORIA, PAINEL ESTRUTURAL, FITA DE PAPEL, MASSA DE REJUNTE
        """,
        about="DRYWALL, GESSO",
    ),
    _rule(
        "madeira",
        "Madeiras e chapas",
        "CHAPA DE MDF, CHAPA PAINEL, CHAPA DE LAMINADO, COMPENSADO",
    ),
    _rule(
        "aco-e-vergalhao",
        "Aço, vergalhões e telas",
        """
        ACO, ARAME, TELA, VERGALHAO, TRELICA, BARRA DE ACO, CANTONEIRA, CHAPA, PERFIL, ESTRIBO,
        CONCERTINA, CABO DE ACO, ELETRODO, SOLDA, VARA, COBRE
        """,
    ),
    _rule(
        "massas-e-pintura",
        "Massas e acessórios de pintura",
        """
        MASSA, LIXA, ROLO, PROLONGADOR EXTENSOR, TRINCHA, DESEMPENADEIRA, ESPATULA, FITA CREPE, FITA
        ADESIVA, BANDEJA, FUNDO, SELADOR
        """,
    ),
    _rule(
        "tintas",
        "Tintas e vernizes",
        "TINTA, VERNIZ, CERA, DILUENTE, SOLVENTE, RESINA, REVESTIMENTO EPOXI",
    ),
    _rule(
        "ferragens",
        "Ferragens e fechaduras",
        """
        FECHADURA, ESPELHO, TARJETA, TRAVA, FECHO, FERROLHO, DOBRADICA, MACANETA, PUXADOR, CADEADO,
        CREMONA, MOLA, ROLDANA, GONZO, ROSETA, PORTA CADEADO, BARRA ANTIPANICO, CONJ DE FERRAGENS,
        CONJUNTO DE FERRAGENS, MAQUINA DE, BORBOLETA, TRILHO, CORRENTE, ESQUADRO, LEVANTADOR,
        RODIZIO, OLHO MAGICO, SUPORTE GUIA
        """,
    ),
    _rule(
        "portas-e-janelas",
        "Portas e janelas",
        "PORTA, JANELA, PORTAO, BATENTE, GUARNICAO, KIT PORTA, CONTRAMARCO",
    ),
    _rule(
        "pregos-e-parafusos",
        "Pregos, parafusos e fixação",
        """
        PREGO, PARAFUSO, BUCHA, PORCA, ARRUELA, ABRACADEIRA, CHUMBADOR, REBITE, GRAMPO, PINO,
        FINCAPINO, HASTE, GANCHO, SUPORTE, FITA METALICA
        """,
    ),
    _rule(
        "madeira",
        "Madeiras e chapas",
        """
        MADEIRA, TABUA, CAIBRO, RIPA, SARRAFO, VIGA, PRANCHA, PRANCHAO, PONTALETE, PAINEL, TACO,
        LAMBRI, MEIA CANA, RODAPE DE MADEIRA
        """,
        about="MADEIRA",
    ),
    _rule(
        "pisos-e-revestimentos",
        "Pisos e revestimentos",
        """
        PISO, REVESTIMENTO, RODAPE, SOLEIRA, PEITORIL, GRANITO, LADRILHO, PASTILHA, CARPETE, PEDRA,
        PLACA VINILICA, TESTEIRA, JUNTA PLASTICA
        """,
    ),
    _rule(
        "ferramentas",
        "Ferramentas",
        """
        ALICATE, MARTELO, PA, CARRINHO, BALDE, REGUA, PRUMO, TALHADEIRA, PONTEIRO, DISCO, ESCADA,
        ESCOVA, VASSOURA, ESTILETE, REBOLO, COROA, PUNHO, MACARICO, JOGO, SAPATA, FLANELA, CORDA,
        EXTENSAO DE SOLDA, APARELHO CORTE, LINHA PARA PEDREIRO, RODO, DENTE, ESTOPA, DESINFETANTE,
        DETERGENTE, LIMPA VIDROS, SACO DE RAFIA, ACIDO
        """,
    ),
    _rule(
        "paisagismo",
        "Paisagismo e áreas externas",
        """
        MUDA, LIXEIRA, GRAMA, CAPIM, TERRA, FERTILIZANTE, CONJUNTO PARA, PAR DE TABELAS, BANCO,
        CADEIRA, ESQUI, ROTACAO, SIMULADOR, PRESSAO, MULTIEXERCITADOR, ALONGADOR
        """,
        about="GINASTICA",
    ),
)


def shelf_of(name: str) -> Shelf:
    """The shelf for a good of this name, in whatever case, with or without accents and punctuation."""
    words = " ".join(re.findall(r"[A-Z0-9]+", folded(name)))
    return next((shelf for shelf, pattern in _RULES if pattern.search(words)), OTHERS)
