{#- Casts that give the same on every warehouse. -#}

{#- A number with so many digits, so many of them after the point. -#}
{% macro to_decimal(expression, precision, scale) -%}
    {{ return(adapter.dispatch('to_decimal')(expression, precision, scale)) }}
{%- endmacro %}

{% macro default__to_decimal(expression, precision, scale) -%}
    cast({{ expression }} as decimal({{ precision }}, {{ scale }}))
{%- endmacro %}

{#- BigQuery takes digits in the columns of a table and refuses them in a cast. -#}
{% macro bigquery__to_decimal(expression, precision, scale) -%}
    round(cast({{ expression }} as numeric), {{ scale }})
{%- endmacro %}

{#- A text as another type, and NULL where it is not of that type. What is of it is said here and
    not by the warehouse, for each takes other texts; spaces at the ends do not count:
    integer, bigint    digits with or without a sign, within the type's range
    decimal(p, s)      the same with or without a point; rounded half away from zero, at 9 digits first
    double             the same, or with an exponent of two digits; not NaN, not infinite
    boolean            true, t, yes, y, on, 1 and false, f, no, n, off, 0, in any case
    date               YYYY-MM-DD
    timestamp          YYYY-MM-DD HH:MM:SS with up to six digits of a second, or T between; no zone -#}
{% macro try_to(expression, data_type) -%}
    {%- set name = data_type.split('(')[0] | trim | lower -%}
    {%- set text = 'trim(' ~ expression ~ ", ' ')" -%}
    {%- set digits = data_type.split('(')[1].rstrip(') ').split(',') if '(' in data_type else [] -%}
    {%- if name in ['integer', 'bigint'] -%}
        {{ return(_try_whole(text, 31 if name == 'integer' else 63, name)) }}
    {%- elif name in ['decimal', 'numeric'] and digits | length == 2 -%}
        {{ return(_try_decimal(text, digits[0] | int, digits[1] | int)) }}
    {%- elif name == 'double' -%}
        {{ return(_try_plain(text, '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$', name)) }}
    {%- elif name == 'boolean' -%}
        {{ return(_try_boolean(text)) }}
    {%- elif name == 'date' -%}
        {{ return(_try_plain(text, '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', name)) }}
    {%- elif name == 'timestamp' -%}
        {{ return(_try_timestamp(text)) }}
    {%- endif -%}
    {{ exceptions.raise_compiler_error(
        "try_to cannot give " ~ data_type ~ ": it knows integer, bigint, decimal(p, s), double,"
        ~ " boolean, date and timestamp.") }}
{%- endmacro %}

{#- The warehouse's own cast without an error, of texts that ``try_to`` let through. -#}
{% macro checked_cast(text, data_type) -%}
    {{ return(adapter.dispatch('checked_cast')(text, data_type)) }}
{%- endmacro %}

{% macro default__checked_cast(text, data_type) -%}
    try_cast({{ text }} as {{ data_type }})
{%- endmacro %}

{% macro bigquery__checked_cast(text, data_type) -%}
    safe_cast({{ text }} as {{ portable_type(data_type).split('(')[0] }})
{%- endmacro %}

{% macro _try_plain(text, pattern, data_type) -%}
    case when {{ regex_matches(text, pattern) }} then {{ checked_cast(text, data_type) }} end
{%- endmacro %}

{#- The day by itself first: the stand-in for Snowflake fails on a time of a day that there is not. -#}
{% macro _try_timestamp(text) -%}
    {%- set pattern = '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?$' -%}
    case
        when
            {{ regex_matches(text, pattern) }}
            and {{ checked_cast('substr(' ~ text ~ ', 1, 10)', 'date') }} is not null
            then {{ checked_cast(text, 'timestamp') }}
    end
{%- endmacro %}

{#- The range is held here: what Snowflake calls bigint has 38 digits, and BigQuery's integer is one.
    Its ends are texts, because a literal of BigQuery is of 64 bits. -#}
{% macro _try_whole(text, bits, data_type) -%}
    {%- set number = checked_cast(text, 'decimal(38, 0)') -%}
    {%- set end = 2 ** bits -%}
    case
        when {{ regex_matches(text, '^[+-]?[0-9]{1,29}$') }}
            then case
                when {{ number }} between {{ to_decimal("'" ~ -end ~ "'", 38, 0) }} and {{ to_decimal("'" ~ (end - 1) ~ "'", 38, 0) }}
                    then cast({{ number }} as {{ portable_type(data_type) }})
            end
    end
{%- endmacro %}

{% macro _try_decimal(text, precision, scale) -%}
    {%- if scale > 9 or precision - scale > 29 -%}
        {{ exceptions.raise_compiler_error(
            "try_to cannot give decimal(" ~ precision ~ ", " ~ scale ~ "): 29 digits before the point"
            ~ " and 9 after it are what every warehouse has.") }}
    {%- endif -%}
    {%- set wide = checked_cast(text, 'decimal(38, 9)') -%}
    case
        when {{ regex_matches(text, '^[+-]?([0-9]{1,29}[.]?[0-9]*|[.][0-9]+)$') }}
            then case
                when abs(round({{ wide }}, {{ scale }})) < 1{{ '0' * (precision - scale) }}
                    then {{ to_decimal('round(' ~ wide ~ ', ' ~ scale ~ ')', precision, scale) }}
            end
    end
{%- endmacro %}

{% macro _try_boolean(text) -%}
    case
        when lower({{ text }}) in ('true', 't', 'yes', 'y', 'on', '1') then true
        when lower({{ text }}) in ('false', 'f', 'no', 'n', 'off', '0') then false
    end
{%- endmacro %}
