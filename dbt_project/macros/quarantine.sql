{#
  Rows that break a rule whose contract says `onFailure: quarantine`, set aside before anybody reads.

  A contract's test runs after its model and before what is downstream of it, in plain dbt as in the
  platform. So the rows are moved here, in one transaction, to `quarantine.<schema>__<table>`, with
  the rules that they break, when, in which run, and their key. A row that was repaired there and
  replayed is remembered by what it looked like when it came: should it come again, it is replaced
  by its repaired self. Columns that open with an underscore say when a row moved, not what it is.
#}

{% macro contract_set_aside(relation, rules, row, day) %}
  {%- set wanted, predicates = [], [] -%}
  {%- for rule in rules -%}
    {%- if rule.quarantine and row[4 * loop.index0 + 1] | float > 0 -%}
      {%- do wanted.append(rule) -%}
      {%- do predicates.append('coalesce((' ~ contract_filled(rule.predicate, relation, day)
            ~ '), false)') -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if not wanted -%}
    {{ return({'rules': [], 'error': none}) }}
  {%- endif -%}
  {%- set found = load_relation(relation) -%}
  {%- if found is none or found.is_view -%}
    {{ return({'rules': wanted | map(attribute='name') | list, 'error':
        wanted[0].relation ~ " is a view, and rows can be set aside from a table only: "
        ~ "give the model materialized: table, or say onFailure keep."}) }}
  {%- endif -%}
  {%- set bad = '(' ~ predicates | join(' or ') ~ ')' -%}
  {%- set names = adapter.get_columns_in_relation(found) | map(attribute='name') | list -%}
  {%- set target = api.Relation.create(
        database=found.database, schema='quarantine',
        identifier=(found.schema ~ '__' ~ found.identifier) | lower) -%}
  {%- set key = quarantine_key(wanted[0], names) -%}
  {%- set original = quarantine_original(names) -%}
  {%- set listed = quarantine_list(names) -%}
  {%- do quarantine_table(found, target, names, quarantine_marks(wanted, predicates, key, original)) -%}
  {%- set waiting = target ~ ' where _replayed_at is null' -%}
  {%- set replayed = target ~ ' where _replayed_at is not null' -%}
  {#- dbt holds a transaction since it asked for the columns, and takes it back in the end. -#}
  {%- do quarantine_commits() -%}
  {#- A repaired row that breaks a rule of today waits again. -#}
  {%- do run_query('update ' ~ target ~ ' set _replayed_at = null where _replayed_at is not null and ' ~ bad) -%}
  {#- What waits already, as it was or as another state of the same row, is here once. -#}
  {%- do run_query('delete from ' ~ waiting ~ ' and _key in (select ' ~ key ~ ' from ' ~ found
        ~ ' where ' ~ bad ~ ')') -%}
  {%- do run_query('insert into ' ~ target ~ ' (' ~ listed ~ ', ' ~ quarantine_columns() ~ ') select '
        ~ listed ~ ', ' ~ quarantine_marks(wanted, predicates, key, original) ~ ' from ' ~ found
        ~ ' where ' ~ bad ~ ' and ' ~ original ~ ' not in (select _original from ' ~ replayed ~ ')') -%}
  {%- do run_query('insert into ' ~ found ~ ' (' ~ listed ~ ') select ' ~ listed ~ ' from ' ~ replayed
        ~ ' and _original in (select ' ~ original ~ ' from ' ~ found ~ ' where ' ~ bad ~ ')'
        ~ ' and _key not in (select ' ~ key ~ ' from ' ~ found ~ ' where not ' ~ bad ~ ')') -%}
  {%- do run_query('delete from ' ~ found ~ ' where ' ~ bad) -%}
  {%- do quarantine_commits() -%}
  {{ return({'rules': wanted | map(attribute='name') | list, 'error': none}) }}
{% endmacro %}


{#- Where a transaction can hold several statements, what went before is kept and a new one begins;
    BigQuery keeps each statement by itself, and doing all of them again changes nothing. -#}
{% macro quarantine_commits() %}
  {%- if target.type != 'bigquery' -%}
    {%- do run_query('commit') -%}
    {%- do run_query('begin') -%}
  {%- endif -%}
{% endmacro %}


{% macro quarantine_list(names) %}
  {%- set found = [] -%}
  {%- for name in names -%}{%- do found.append(adapter.quote(name)) -%}{%- endfor -%}
  {{ return(found | join(', ')) }}
{% endmacro %}


{% macro quarantine_columns() %}
  {{ return('_rule, _quarantined_at, _run_id, _key, _original, _replayed_at') }}
{% endmacro %}


{#- A row's text: of its key where the contract names one and no part is null, else of all of it. -#}
{% macro quarantine_key(rule, names) %}
  {%- set whole = "'row ' || " ~ quarantine_original(names) -%}
  {%- if not rule.keyed -%}{{ return(whole) }}{%- endif -%}
  {%- set parts, empty = [], [] -%}
  {%- for column, _ in rule.key -%}
    {%- for name in names if name | lower == column -%}
      {%- do parts.append('cast(' ~ adapter.quote(name) ~ ' as ' ~ dbt.type_string() ~ ')') -%}
      {%- do empty.append(adapter.quote(name) ~ ' is null') -%}
    {%- endfor -%}
  {%- endfor -%}
  {%- if not parts -%}{{ return(whole) }}{%- endif -%}
  {{ return('case when ' ~ empty | join(' or ') ~ ' then ' ~ whole ~ ' else '
      ~ parts | join(" || ', ' || ") ~ ' end') }}
{% endmacro %}


{% macro quarantine_original(names) %}
  {%- set parts = [] -%}
  {%- for name in names if not name.startswith('_') -%}
    {%- do parts.append("coalesce(cast(" ~ adapter.quote(name) ~ " as " ~ dbt.type_string()
          ~ "), '~')") -%}
  {%- endfor -%}
  {{ return(dbt.hash(parts | join(" || '|' || ") or "'~'")) }}
{% endmacro %}


{% macro quarantine_marks(rules, predicates, key, original) %}
  {%- set broken = [] -%}
  {%- for rule in rules -%}
    {%- do broken.append("case when " ~ predicates[loop.index0] ~ " then '" ~ rule.name
          ~ ", ' else '' end") -%}
  {%- endfor -%}
  {{ return("rtrim(" ~ broken | join(' || ') ~ ", ', ') as _rule, "
      ~ dbt.current_timestamp() ~ " as _quarantined_at, '"
      ~ env_var('DATAPLATFORM_RUN_ID', invocation_id) ~ "' as _run_id, "
      ~ key ~ " as _key, " ~ original ~ " as _original, "
      ~ "cast(null as timestamp) as _replayed_at") }}
{% endmacro %}


{#- Make the quarantine of a table, or give it the columns that the table has gained. -#}
{% macro quarantine_table(found, target, names, marks) %}
  {%- set there = load_relation(target) -%}
  {%- if there is none -%}
    {%- do run_query('create schema if not exists ' ~ target.without_identifier()) -%}
    {%- do run_query('create table if not exists ' ~ target ~ ' as select ' ~ quarantine_list(names)
          ~ ', ' ~ marks ~ ' from ' ~ found ~ ' where false') -%}
    {{ return('') }}
  {%- endif -%}
  {%- set had = adapter.get_columns_in_relation(there) | map(attribute='name') | map('lower') | list -%}
  {%- for column in adapter.get_columns_in_relation(found) if column.name | lower not in had -%}
    {%- do run_query('alter table ' ~ target ~ ' add column ' ~ adapter.quote(column.name) ~ ' '
          ~ column.data_type) -%}
  {%- endfor -%}
{% endmacro %}
