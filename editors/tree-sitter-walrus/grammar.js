// The grammar of Walrus for editors. `grammar/walrus.lalrpop` decides what is a program; this one only has to find the same
// structure in what is one, and something sensible in what is not yet.

const PREC = {
  or: 1, and: 2, comparison: 3, range: 4, bit_or: 5, bit_xor: 6, bit_and: 7, shift: 8,
  sum: 9, product: 10, unary: 11, power: 12, await: 13, postfix: 14,
};

const KEYWORDS = [
  "let", "fn", "async", "await", "struct", "if", "else", "while", "for", "in", "break", "continue", "return", "import", "as",
  "print", "println", "throw", "try", "catch", "and", "or", "not", "true", "false", "void",
];

const list1 = (rule) => seq(rule, repeat(seq(",", rule)));
const list = (rule) => optional(seq(list1(rule), optional(",")));

export default grammar({
  name: "walrus",

  word: ($) => $.identifier,

  extras: ($) => [/\s/, /\uFEFF/, $.line_comment, $.block_comment],

  supertypes: ($) => [$._statement, $._expression],

  conflicts: ($) => [
    // `if c { f` may go on as a statement or as a conditional expression.
    [$.if_statement, $.if_expression],
    // `{` at the beginning of a statement is a block; `{}` alone does not show it.
    [$.block, $.dict],
  ],

  rules: {
    source_file: ($) => seq(optional($.shebang), repeat(choice($._statement, ";"))),

    shebang: () => token(prec(1, /#![^\n]*/)),

    line_comment: () => token(seq("//", /[^\n]*/)),
    block_comment: () => token(seq("/*", /[^*]*\*+([^/*][^*]*\*+)*/, "/")),

    // Statements.

    _statement: ($) => choice(
      $.let_statement, $.assignment, $.expression_statement, $.print_statement, $.break_statement, $.continue_statement,
      $.return_statement, $.throw_statement, $.import_statement, $.block, $.if_statement, $.while_statement, $.for_statement,
      $.try_statement, $.function, $.struct,
    ),

    block: ($) => prec.dynamic(1, seq("{", repeat(choice($._statement, ";")), "}")),

    let_statement: ($) => seq("let", list1(field("name", $.identifier)), "=", list1(field("value", $._expression)), ";"),
    assignment: ($) => seq(
      list1(field("target", $._expression)),
      field("operator", choice(
        "=", "+=", "-=", "*=", "/=", "%=", "**=", "&=", "|=", "^=", "<<=", ">>=",
        alias(token(seq("and", "=")), "and="), alias(token(seq("or", "=")), "or="),
      )),
      list1(field("value", $._expression)), ";",
    ),
    expression_statement: ($) => seq($._expression, ";"),
    print_statement: ($) => seq(choice("print", "println"), optional($._expression), ";"),
    break_statement: () => seq("break", ";"),
    continue_statement: () => seq("continue", ";"),
    return_statement: ($) => seq("return", optional($._expression), ";"),
    throw_statement: ($) => seq("throw", $._expression, ";"),
    import_statement: ($) => seq(
      "import", field("path", choice($.string, $.package)), optional(seq("as", field("alias", $.identifier))), ";",
    ),
    package: ($) => seq("@", $.identifier),

    if_statement: ($) => prec.dynamic(1, seq(
      "if", field("condition", $._expression), field("then", $.block),
      optional(seq("else", field("else", choice($.block, $.if_statement)))),
    )),
    while_statement: ($) => seq("while", field("condition", $._expression), field("body", $.block)),
    for_statement: ($) => seq(
      "for", list1(field("variable", $.identifier)), "in", field("iterable", $._expression), field("body", $.block),
    ),
    try_statement: ($) => seq(
      "try", field("body", $.block), "catch", field("error", $.identifier), field("handler", $.block),
    ),

    function: ($) => seq(
      optional("async"), "fn", field("name", $.identifier), ":", optional($.parameters), field("body", $.block),
    ),
    parameters: ($) => list1($.parameter),
    parameter: ($) => seq(field("name", $.identifier), optional(seq("=", field("default", $._expression)))),

    struct: ($) => seq(
      "struct", field("name", $.identifier), "{", repeat(choice(alias($.function, $.method), ";")), "}",
    ),

    // Expressions.

    _expression: ($) => choice(
      $.identifier, $.integer, $.float, $.string, $.format_string, $.true, $.false, $.void, $.parenthesized, $.tuple, $.list,
      $.dict, $.lambda, $.if_expression, $.call, $.index, $.member, $.unary, $.await, $.binary, $.range,
    ),

    binary: ($) => choice(
      ...[
        ["or", PREC.or], ["and", PREC.and],
        ["==", PREC.comparison], ["!=", PREC.comparison], ["<", PREC.comparison], ["<=", PREC.comparison],
        [">", PREC.comparison], [">=", PREC.comparison], ["in", PREC.comparison],
        ["|", PREC.bit_or], ["^", PREC.bit_xor], ["&", PREC.bit_and], ["<<", PREC.shift], [">>", PREC.shift],
        ["+", PREC.sum], ["-", PREC.sum], ["*", PREC.product], ["/", PREC.product], ["%", PREC.product],
      ].map(([operator, precedence]) => prec.left(precedence, seq(
        field("left", $._expression), field("operator", operator), field("right", $._expression),
      ))),
      prec.left(PREC.comparison, seq(
        field("left", $._expression), field("operator", seq("not", "in")), field("right", $._expression),
      )),
      prec.right(PREC.power, seq(field("left", $._expression), field("operator", "**"), field("right", $._expression))),
    ),
    range: ($) => choice(
      prec.left(PREC.range, seq(field("start", $._expression), "..", field("end", $._expression))),
      prec.right(PREC.range, seq("..", field("end", $._expression))),
    ),
    unary: ($) => prec(PREC.unary, seq(field("operator", choice("-", "not", "~")), field("operand", $._expression))),
    await: ($) => prec(PREC.await, seq("await", $._expression)),

    call: ($) => prec(PREC.postfix, seq(field("function", $._expression), field("arguments", $.arguments))),
    arguments: ($) => seq("(", list($._expression), ")"),
    index: ($) => prec(PREC.postfix, seq(field("object", $._expression), "[", field("index", $._expression), "]")),
    // Any word is a name behind a dot.
    member: ($) => prec(PREC.postfix, seq(
      field("object", $._expression), ".", field("name", alias(choice($.identifier, ...KEYWORDS), $.member_name)),
    )),

    parenthesized: ($) => seq("(", $._expression, ")"),
    tuple: ($) => choice(
      seq("(", ")"),
      seq("(", $._expression, ",", ")"),
      seq("(", $._expression, repeat1(seq(",", $._expression)), optional(","), ")"),
    ),
    list: ($) => seq("[", list($._expression), "]"),
    dict: ($) => seq("{", list($.pair), "}"),
    pair: ($) => seq(field("key", $._expression), ":", field("value", $._expression)),
    lambda: ($) => seq(optional("async"), ":", optional($.parameters), field("body", $.block)),
    if_expression: ($) => seq(
      "if", field("condition", $._expression), "{", field("then", $._expression), "}",
      "else", choice(seq("{", field("else", $._expression), "}"), field("else", $.if_expression)),
    ),

    true: () => "true",
    false: () => "false",
    void: () => "void",
    identifier: () => /[A-Za-z_][A-Za-z0-9_]*/,
    integer: () => token(choice(/[0-9][0-9_]*/, /0x[0-9A-Fa-f_]+/, /0o[0-7_]+/, /0b[01_]+/)),
    float: () => token(choice(/[0-9][0-9_]*\.[0-9][0-9_]*([eE][+-]?[0-9][0-9_]*)?/, /[0-9][0-9_]*[eE][+-]?[0-9][0-9_]*/)),

    // Strings. In a hole of a format string their quotes may be escaped.

    string: ($) => choice(
      seq('"', repeat(choice($._text, $.escape)), token.immediate('"')),
      seq('\\"', repeat(choice($._text, $._escape_but_quote)), token.immediate('\\"')),
    ),
    _text: () => token.immediate(prec(1, /[^"\\]+/)),
    escape: () => token.immediate(prec(1, /\\(u\{[0-9A-Fa-f]*\}|[^u])/)),
    _escape_but_quote: ($) => alias(token.immediate(prec(1, /\\(u\{[0-9A-Fa-f]*\}|[^u"])/)), $.escape),

    format_string: ($) => choice(
      seq('f"', repeat(choice($._format_text, $.escape, $.brace_escape, $.hole)), token.immediate('"')),
      seq('f\\"', repeat(choice($._format_text, $._escape_but_quote, $.brace_escape, $.hole)), token.immediate('\\"')),
    ),
    _format_text: () => token.immediate(prec(1, /[^"\\{}]+/)),
    brace_escape: () => token.immediate(prec(2, choice("{{", "}}"))),
    hole: ($) => seq(token.immediate(prec(1, "{")), $._expression, optional(seq(":", optional($.format))), "}"),
    // Up to the brace that ends the hole.
    format: () => token.immediate(prec(3, /([^}"\\]|\\(u\{[0-9A-Fa-f]*\}|[^u]))+/)),
  },
});
