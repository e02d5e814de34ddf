{#- Days, and times of a day without a zone. Weeks begin on Monday, as ISO 8601 has it. For years
    1 to 9999. What takes a format knows YYYY, MM, DD, and for times HH24, MI, SS. -#}

{#- A day so many units later: day, week, month, quarter or year. The end of a shorter month holds. -#}
{% macro date_plus(day, number, unit) -%}
    {{ return(adapter.dispatch('date_plus')(day, number, date_unit(unit))) }}
{%- endmacro %}

{% macro duckdb__date_plus(day, number, unit) -%}
    {%- set months = {'month': 1, 'quarter': 3, 'year': 12} -%}
    {%- if unit in months -%}
        cast({{ day }} + to_months(cast({{ months[unit] }} * ({{ number }}) as integer)) as date)
    {%- else -%}
        cast({{ day }} + to_days(cast({{ 7 if unit == 'week' else 1 }} * ({{ number }}) as integer)) as date)
    {%- endif -%}
{%- endmacro %}

{% macro snowflake__date_plus(day, number, unit) -%}
    cast(dateadd({{ unit }}, {{ number }}, {{ day }}) as date)
{%- endmacro %}

{% macro bigquery__date_plus(day, number, unit) -%}
    date_add({{ day }}, interval ({{ number }}) {{ unit }})
{%- endmacro %}

{#- How many times a new day, week, month, quarter or year begins between two days. -#}
{% macro date_difference(earlier, later, unit) -%}
    {%- set unit = date_unit(unit) -%}
    {%- if unit == 'day' -%}
        {{ return(adapter.dispatch('days_between')(earlier, later)) }}
    {%- elif unit == 'week' -%}
        {%- set days = adapter.dispatch('days_between')(date_start(earlier, 'week'), date_start(later, 'week')) -%}
        {{ return('cast(round(' ~ days ~ ' / 7.0) as ' ~ portable_type('integer') ~ ')') }}
    {%- endif -%}
    {%- set each = {'month': 12, 'quarter': 4, 'year': 1}[unit] -%}
    {%- set counted = [] -%}
    {%- for day in [later, earlier] -%}
        {%- set within = ' + ' ~ date_number(day, unit) if unit != 'year' else '' -%}
        {%- do counted.append('(' ~ each ~ ' * ' ~ date_number(day, 'year') ~ within ~ ')') -%}
    {%- endfor -%}
    {{ return('(' ~ counted | join(' - ') ~ ')') }}
{%- endmacro %}

{% macro duckdb__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro snowflake__days_between(earlier, later) -%}
    datediff(day, {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro bigquery__days_between(earlier, later) -%}
    date_diff({{ later }}, {{ earlier }}, day)
{%- endmacro %}

{#- The first day of the week, month, quarter or year that a day is in. -#}
{% macro date_start(day, unit) -%}
    {%- set unit = date_unit(unit) -%}
    {%- if unit == 'day' -%}
        {{ return(day) }}
    {%- elif unit == 'week' -%}
        {{ return(date_plus(day, '1 - ' ~ date_number(day, 'weekday'), 'day')) }}
    {%- endif -%}
    {{ return(adapter.dispatch('date_start')(day, unit)) }}
{%- endmacro %}

{% macro default__date_start(day, unit) -%}
    cast(date_trunc('{{ unit }}', {{ day }}) as date)
{%- endmacro %}

{% macro bigquery__date_start(day, unit) -%}
    cast(date_trunc({{ day }}, {{ unit }}) as date)
{%- endmacro %}

{#- A part of a day as a whole number: year, quarter, month, day, weekday (Monday is 1), day_of_year,
    week and year_of_week (those of ISO 8601). -#}
{% macro date_number(day, part) -%}
    {%- set known = ['year', 'quarter', 'month', 'day', 'weekday', 'day_of_year', 'week', 'year_of_week'] -%}
    {%- if part not in known -%}
        {{ exceptions.raise_compiler_error(part ~ " is no part of a day: there are " ~ known | join(', ') ~ ".") }}
    {%- endif -%}
    {{ return(adapter.dispatch('date_number')(day, part)) }}
{%- endmacro %}

{% macro duckdb__date_number(day, part) -%}
    {%- set names = {'weekday': 'isodow', 'day_of_year': 'doy', 'year_of_week': 'isoyear'} -%}
    cast(extract({{ names.get(part, part) }} from {{ day }}) as integer)
{%- endmacro %}

{% macro snowflake__date_number(day, part) -%}
    {%- set names = {
        'weekday': 'dayofweekiso', 'day_of_year': 'dayofyear', 'week': 'weekiso', 'year_of_week': 'yearofweekiso'
    } -%}
    cast(date_part('{{ names.get(part, part) }}', {{ day }}) as integer)
{%- endmacro %}

{% macro bigquery__date_number(day, part) -%}
    {%- set names = {'day_of_year': 'dayofyear', 'week': 'isoweek', 'year_of_week': 'isoyear'} -%}
    {%- if part == 'weekday' -%}
        (mod(extract(dayofweek from {{ day }}) + 5, 7) + 1)
    {%- else -%}
        extract({{ names.get(part, part) }} from {{ day }})
    {%- endif -%}
{%- endmacro %}

{#- A day as a text. -#}
{% macro format_date(day, format) -%}
    {{ return(_formatted(day, format, {'YYYY': 'year', 'MM': 'month', 'DD': 'day'})) }}
{%- endmacro %}

{#- A time without a zone as a text. -#}
{% macro format_time(moment, format) -%}
    {%- set parts = {
        'YYYY': 'year', 'MM': 'month', 'DD': 'day', 'HH24': 'hour', 'MI': 'minute', 'SS': 'second'
    } -%}
    {{ return(_formatted(moment, format, parts)) }}
{%- endmacro %}

{#- A text as a day; NULL where it is not written so, with every digit, or is no day. -#}
{% macro parse_date(expression, format) -%}
    {%- set found = _parsed(expression, format, ['YYYY', 'MM', 'DD']) -%}
    {%- set text = found['YYYY'] ~ " || '-' || " ~ found['MM'] ~ " || '-' || " ~ found['DD'] -%}
    {{ return('case when ' ~ found['written'] ~ ' then ' ~ try_to(text, 'date') ~ ' end') }}
{%- endmacro %}

{#- A text as a time without a zone; NULL where it is not written so, with every digit, or is none. -#}
{% macro parse_time(expression, format) -%}
    {%- set found = _parsed(expression, format, ['YYYY', 'MM', 'DD', 'HH24', 'MI', 'SS']) -%}
    {%- set text = found['YYYY'] ~ " || '-' || " ~ found['MM'] ~ " || '-' || " ~ found['DD'] ~ " || ' ' || "
        ~ found['HH24'] ~ " || ':' || " ~ found['MI'] ~ " || ':' || " ~ found['SS'] -%}
    {{ return('case when ' ~ found['written'] ~ ' then ' ~ try_to(text, 'timestamp') ~ ' end') }}
{%- endmacro %}

{#- The unit, where it is one of a day. -#}
{% macro date_unit(unit) -%}
    {%- set known = ['day', 'week', 'month', 'quarter', 'year'] -%}
    {%- if unit not in known -%}
        {{ exceptions.raise_compiler_error(unit ~ " is no unit of days: there are " ~ known | join(', ') ~ ".") }}
    {%- endif -%}
    {{ return(unit) }}
{%- endmacro %}

{#- A format in pieces: its words, and whatever stands between them. -#}
{% macro _pieces(format, words) -%}
    {{ return(modules.re.split('(' ~ words | join('|') ~ ')', format) | reject('equalto', '') | list) }}
{%- endmacro %}

{% macro _formatted(expression, format, parts) -%}
    {%- set listed = [] -%}
    {%- for piece in _pieces(format, parts | list) -%}
        {%- if piece in parts -%}
            {#- The second of BigQuery and Snowflake is whole, that of DuckDB as well. -#}
            {%- set number = 'extract(' ~ parts[piece] ~ ' from ' ~ expression ~ ')' -%}
            {%- set text = 'cast(' ~ number ~ ' as ' ~ portable_type('varchar') ~ ')' -%}
            {%- do listed.append('lpad(' ~ text ~ ', ' ~ (4 if piece == 'YYYY' else 2) ~ ", '0')") -%}
        {%- else -%}
            {%- do listed.append(text_literal(piece)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return('(' ~ listed | join(' || ') ~ ')') }}
{%- endmacro %}

{#- Where each word of a format stands in a text, and the condition that the text is written so. -#}
{% macro _parsed(expression, format, words) -%}
    {%- set found, pattern, place = {}, [], [1] -%}
    {%- for piece in _pieces(format, words) -%}
        {%- set size = 4 if piece == 'YYYY' else 2 if piece in words else piece | length -%}
        {%- if piece in words -%}
            {%- do found.update({piece: 'substr(' ~ expression ~ ', ' ~ place[0] ~ ', ' ~ size ~ ')'}) -%}
            {%- do pattern.append('[0-9]{' ~ size ~ '}') -%}
        {%- else -%}
            {%- for one in piece -%}{%- do pattern.append('[' ~ one ~ ']') -%}{%- endfor -%}
        {%- endif -%}
        {%- do place.append(place.pop() + size) -%}
    {%- endfor -%}
    {%- for word in words if word not in found -%}
        {{ exceptions.raise_compiler_error("The format " ~ format ~ " lacks " ~ word ~ ".") }}
    {%- endfor -%}
    {%- do found.update({'written': regex_matches(expression, '^' ~ pattern | join ~ '$')}) -%}
    {{ return(found) }}
{%- endmacro %}
