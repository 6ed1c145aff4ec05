[(line_comment) (block_comment) (shebang)] @comment

[(string) (format_string)] @string
(escape) @string.escape
(brace_escape) @string.escape
(format) @string.special
(hole ["{" "}"] @punctuation.special)

[(integer) (float)] @number
[(true) (false)] @boolean
(void) @constant.builtin

(function name: (identifier) @function)
(method name: (identifier) @function.method)
(struct name: (identifier) @type)
(parameter name: (identifier) @variable.parameter)
(call function: (identifier) @function.call)
(call function: (member name: (member_name) @function.method.call))
(member name: (member_name) @property)
((identifier) @variable.builtin (#eq? @variable.builtin "self"))
((identifier) @module (#eq? @module "core"))
(import_statement alias: (identifier) @module)
(package) @module
(identifier) @variable

["let" "struct" "as"] @keyword
["fn"] @keyword.function
["async" "await"] @keyword.coroutine
["if" "else"] @keyword.conditional
["while" "for" "break" "continue"] @keyword.repeat
["return"] @keyword.return
["import"] @keyword.import
["try" "catch" "throw"] @keyword.exception
["print" "println"] @function.builtin
["and" "or" "not" "in" "and=" "or="] @keyword.operator

[
  "=" "+=" "-=" "*=" "/=" "%=" "**=" "&=" "|=" "^=" "<<=" ">>="
  "==" "!=" "<" "<=" ">" ">=" "+" "-" "*" "/" "%" "**" "&" "|" "^" "~" "<<" ">>" ".."
] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ";" ":" "."] @punctuation.delimiter
