"""Configurations and results of promptfoo as tasks.

source_tree          the files of a configuration's folder
configured_cases     tests, scenarios and `defaultTest`; assertion_text: those of CSV files
prompt_sources       prompts; chat_templates, nunjucks: as templates of Jinja
provider_entries     providers as models
source_keys          the keys that are read, by their type
assertion_kinds      assertions as evaluators; javascript_pattern: their patterns
row_assertions       assertions of all rows; evaluator_columns, row_judges: as entries
case_values          variables as columns
read_config          a configuration as a task; results_file: one with its answers
"""
