"""Text search as construction buyers type it.

Revision: catalog_0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "catalog_0002"
down_revision = "catalog_0001"
branch_labels = None
depends_on = None
runs_with = "catalog_0002"

STEMMER = "CREATE TEXT SEARCH DICTIONARY catalog.stemmer (TEMPLATE = snowball, LANGUAGE = portuguese)"

# Snowball knows accented plurals only. Folded ones are made singular first: vergalhoes → vergalhao,
# paineis → painel, funis → funil, interruptores → interruptor.
STEM = r"""
CREATE FUNCTION catalog.stem(word text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (ts_lexize('catalog.stemmer', CASE WHEN word LIKE '%s' THEN
  regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(word,
    '(..)[oa]es$', '\1ao'),
    '([aeou])is$', '\1l'),
    '([^aeou])is$', '\1il'),
    'ns$', 'm'),
    '([rzl])es$', '\1')
  ELSE word END))[1]
"""

# The words of a name and of a search, by the same rules. Letters and digits part (CA-50 = ca50, 50mm = 50 mm),
# a fraction is one word (3/4, also in 1.1/2), a number is written one way: 1.000 = 1000, 10,0 = 10, 6,30 = 6.3.
# Inside out: m² → m2; d'água, dagua → agua; 1.000 → 1000; 1.1/2 → 1 1/2; 6,30 → 6.30 → 6.3; 10.0 → 10.
WORDS = r"""
CREATE FUNCTION catalog.words(text) RETURNS TABLE (word text, place bigint, filler boolean)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 12
BEGIN ATOMIC
  SELECT token[1], place, token[1] = ANY
         ('{a,as,o,os,ao,de,do,da,dos,das,e,em,no,na,nos,nas,com,para,p,c,por,um,uma,ou,x}'::text[])
    FROM regexp_matches(
      regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        translate(catalog.fold($1), '²³', '23'),
        '\md[''’´` ]?(?=agua)', '', 'g'),
        '(?<=[0-9])(?<!\m0)\.(?=[0-9]{3}(?![0-9]))', '', 'g'),
        '(?<=[0-9])\.(?=[0-9]+/[0-9])', ' ', 'g'),
        '(?<=[0-9]),(?=[0-9])', '.', 'g'),
        '(\.[0-9]*[1-9])0+(?![0-9])', '\1', 'g'),
        '\.0+(?![0-9])', '', 'g'),
      '[0-9]+(?:[./][0-9]+)?|[a-z]+', 'g') WITH ORDINALITY AS found (token, place);
END
"""

# A sku with everything but letters and digits taken out, so that CIM-001, cim 001 and cim001 are one.
CODE = """
CREATE FUNCTION catalog.code(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN nullif(regexp_replace(catalog.fold($1), '[^a-z0-9]', '', 'g'), '')
"""

# Lexemes: every word as it is, for prefixes; its stem marked "~", for inflections ("~" keeps the stem of
# "portão", porta, apart from the word "porta"). Weight B: the first word, what the thing is. A: the sku's code.
DOCUMENT = """
CREATE FUNCTION catalog.search_document(name text, sku text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
  SELECT coalesce(string_agg(
           '''' || word || ''':' || spot
           || CASE WHEN word < 'a' THEN '' ELSE ' ''~' || catalog.stem(word) || ''':' || spot END,
         ' '), '')::tsvector
    FROM (SELECT word, place || CASE WHEN place = 1 THEN 'B' ELSE '' END AS spot
            FROM catalog.words(name) WHERE NOT filler) AS named
) || coalesce((quote_literal(catalog.code(sku)) || ':1A')::tsvector, ''::tsvector)
"""

# The words of four letters or more in use, and all stems, to tell a typing error from a rare word. It only grows;
# a word no name has any more is harmless.
VOCABULARY_TRIGGER = """
CREATE FUNCTION catalog.learn_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO catalog.vocabulary (word)
  SELECT DISTINCT lexeme
    FROM written, unnest(tsvector_to_array(written.search)) AS lexeme
   WHERE lexeme ~ '^(~[a-z]{1,60}|[a-z]{4,60})$'
   ORDER BY lexeme
      ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$
"""

# What a search asks for, from text that needs no escaping:
#   every: each word, at least as a prefix or inflection (numbers exactly); or all of it is a code, or its beginning
#          when it has a digit and four characters. A word of four letters or more that no name has is taken for
#          a typing error of up to three words that differ by one letter (two, from six letters on).
#   whole: each word in full;  head: the first word of the name is one of them;  code: it is exactly a code.
# Fillers (de, para, com …) count only when there is nothing else. No words at all: all NULL.
QUERIES = """
CREATE FUNCTION catalog.search_queries(
  asked text, OUT every tsquery, OUT whole tsquery, OUT head tsquery, OUT code tsquery
) LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH cut AS (
    SELECT left(catalog.fold(left(asked, 200)), 200) AS asked
  ), typed AS (
    SELECT word, filler, word < 'a' AS number, catalog.stem(word) AS stem, code,
           bool_and(filler) OVER () AS only_fillers
      FROM (SELECT word, filler, catalog.code(asked) AS code, min(place) AS place
              FROM cut, catalog.words(asked) GROUP BY 1, 2, 3) AS words
     ORDER BY place
     LIMIT 16
  ), terms AS (
    SELECT typed.*, (
             SELECT string_agg(format(' | ''%s''', word), '')
               FROM (SELECT known.word FROM catalog.vocabulary AS known
                      WHERE known.word OPERATOR(public.%) typed.word
                        AND known.word NOT LIKE '~%'
                        AND public.levenshtein_less_equal(known.word, typed.word, 2)
                            <= CASE WHEN length(typed.word) < 6 THEN 1 ELSE 2 END
                      ORDER BY public.levenshtein(known.word, typed.word),
                               public.similarity(known.word, typed.word) DESC,
                               known.word
                      LIMIT 3) AS similar_word
              WHERE NOT number
                AND length(typed.word) BETWEEN 4 AND 60
                AND NOT EXISTS (SELECT FROM catalog.vocabulary AS known
                                 WHERE known.word BETWEEN typed.word AND typed.word || '{')
                AND NOT EXISTS (SELECT FROM catalog.vocabulary AS known WHERE known.word = '~' || typed.stem)
           ) AS similar_words
      FROM typed
     WHERE NOT filler OR only_fillers
  )
  SELECT (string_agg(
            CASE WHEN number THEN format('''%s''', word)
            ELSE format('(''%s'':* | ''~%s''%s)', word, stem, similar_words) END, ' & ')
          || coalesce(' | ' || quote_literal(min(code)) ||
               CASE WHEN min(code) ~ '[0-9]' AND length(min(code)) >= 4 THEN ':*A' ELSE ':A' END, ''))::tsquery,
         string_agg(
            CASE WHEN number THEN format('''%s''', word)
            ELSE format('(''%s'' | ''~%s'')', word, stem) END, ' & ')::tsquery,
         string_agg(
            CASE WHEN number THEN format('''%s'':B', word)
            ELSE format('''%s'':*B | ''~%s'':B', word, stem) END, ' | ')::tsquery,
         (quote_literal(min(code)) || ':A')::tsquery
    FROM terms;
END
"""


def upgrade() -> None:
    """The search column is generated, so a product is found however it was written, by COPY too."""
    op.execute("CREATE EXTENSION IF NOT EXISTS fuzzystrmatch SCHEMA public")
    # exec_driver_sql: these texts hold `:B` and `%`, which are not parameters.
    run = op.get_bind().exec_driver_sql
    for statement in (STEMMER, STEM, WORDS, CODE, DOCUMENT):
        run(statement)
    op.add_column(
        "products",
        sa.Column(
            "search",
            TSVECTOR,
            sa.Computed("catalog.search_document(name, sku)", persisted=True),
            nullable=False,
        ),
        schema="catalog",
    )
    op.create_index("products_search", "products", ["search"], schema="catalog", postgresql_using="gin")
    op.create_table(
        "vocabulary", sa.Column("word", sa.Text(collation="C"), primary_key=True), schema="catalog"
    )
    op.create_index(
        "vocabulary_similar",
        "vocabulary",
        ["word"],
        schema="catalog",
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    run(VOCABULARY_TRIGGER)
    for event in ("INSERT", "UPDATE"):
        run(
            f"CREATE TRIGGER learn_words_on_{event.lower()} AFTER {event} ON catalog.products "
            "REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION catalog.learn_words()"
        )
    run(QUERIES)


def downgrade() -> None:
    """Back to products that are listed but not searched."""
    for event in ("INSERT", "UPDATE"):
        op.execute(f"DROP TRIGGER learn_words_on_{event.lower()} ON catalog.products")
    op.execute("DROP FUNCTION catalog.search_queries, catalog.learn_words")
    op.drop_table("vocabulary", schema="catalog")
    op.drop_column("products", "search", schema="catalog")
    op.execute("DROP FUNCTION catalog.search_document, catalog.code, catalog.words, catalog.stem")
    op.execute("DROP TEXT SEARCH DICTIONARY catalog.stemmer")
