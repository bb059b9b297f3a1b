-- Cross-references on the pandoc tree, one page at a time, as a Quarto website numbers them. Runs before citeproc.
-- What cannot be resolved is written to stderr, one line each, starting with "CROSSREF ".

local NAME = { fig = "Figure", tbl = "Table", eq = "Equation" }
local count = { fig = 0, tbl = 0, eq = 0 }
local label = {} -- identifier -> what a reference to it says, such as "Figure 1"

local function complain(what)
  io.stderr:write("CROSSREF " .. what .. "\n")
end

local function kind_of(id)
  local kind = (id or ""):match("^(%a+)%-.")
  return NAME[kind] and kind
end

local function number(id)
  local kind = kind_of(id)
  if label[id] then complain("label used twice: " .. id) end
  count[kind] = count[kind] + 1
  label[id] = NAME[kind] .. "\u{a0}" .. count[kind]
  return label[id]
end

local function with_prefix(prefix, inlines)
  local out = pandoc.Inlines { pandoc.Str(prefix) }
  if #inlines > 0 then
    out:insert(pandoc.Space())
    out:extend(inlines)
  end
  return out
end

local function caption_text(id, inlines)
  return with_prefix(number(id) .. (#inlines > 0 and ":" or ""), inlines)
end

-- Quarto's `fig-alt` is HTML's `alt`.
local function set_alt(image)
  local alt = image.attributes["fig-alt"]
  if alt then
    image.attributes["fig-alt"] = nil
    image.attributes["alt"] = alt
  end
  return image
end

local function first_caption(element)
  local long = element.caption.long
  return #long > 0 and long[1].content or pandoc.Inlines {}
end

-- Split a float's blocks into body and caption: the last paragraph is the caption, unless it is only images.
local function split_caption(blocks)
  local last = blocks[#blocks]
  if #blocks < 2 or not last or (last.t ~= "Para" and last.t ~= "Plain") then return blocks, pandoc.Inlines {} end
  for _, inline in ipairs(last.content) do
    if inline.t ~= "Image" and inline.t ~= "Space" and inline.t ~= "SoftBreak" then
      blocks:remove(#blocks)
      return blocks, last.content
    end
  end
  return blocks, pandoc.Inlines {}
end

-- Quarto's own markup: a div that carries the label, a figure in it, the caption above a table and below a figure.
local function make_float(kind, id, body, caption, is_sub)
  local function raw(html) return pandoc.RawBlock("html", html) end
  local place = (kind == "fig" or is_sub) and "bottom" or "top"
  local text = {
    raw(string.format('<figcaption id="%s-caption" class="quarto-float-caption quarto-float-caption-%s quarto-float-%s">',
      id, place, kind)),
    pandoc.Plain(caption),
    raw("</figcaption>"),
  }
  local parts = pandoc.Blocks {
    raw(string.format('<figure class="quarto-float quarto-float-%s figure" aria-labelledby="%s-caption">', kind, id)) }
  if place == "top" then parts:extend(text) end
  parts:insert(body)
  if place == "bottom" then parts:extend(text) end
  parts:insert(raw("</figure>"))
  local classes = pandoc.List { "quarto-float", "quarto-figure" }
  if is_sub then classes:insert("quarto-subfigure") end
  return pandoc.Div(parts, pandoc.Attr(id, classes))
end

local function sub_float(block, parent, letter)
  local mark = "(" .. letter .. ")"
  local id = block.identifier
  local kind = kind_of(id) or "fig"
  local body, caption
  if block.t == "Figure" then
    body, caption = pandoc.Div(block.content), first_caption(block)
  else
    local blocks, text = split_caption(block.content)
    body, caption = pandoc.Div(blocks), text
  end
  if id == "" then id = parent .. "-" .. letter end
  if label[id] then complain("label used twice: " .. id) end
  label[id] = label[parent] .. "\u{a0}" .. mark
  return make_float(kind, id, body, with_prefix(mark, caption), true)
end

-- ::: {#fig-x}  content, last paragraph is the caption  :::
local function lower_float(div)
  local kind = kind_of(div.identifier)
  local blocks, text = split_caption(div.content)
  local caption = caption_text(div.identifier, text)
  local letter = string.byte("a") - 1
  local children = pandoc.Blocks {}
  for _, block in ipairs(blocks) do
    if block.t == "Figure" or (block.t == "Div" and kind_of(block.identifier)) then
      letter = letter + 1
      block = sub_float(block, div.identifier, string.char(letter))
    end
    children:insert(block)
  end
  local columns = tonumber(div.attributes["layout-ncol"])
  local attr = columns and pandoc.Attr("", { "float-layout" }, { style = "--float-columns:" .. columns }) or pandoc.Attr()
  return make_float(kind, div.identifier, pandoc.Div(children, attr), caption)
end

local function lower_table(tbl)
  local id = tbl.identifier
  if kind_of(id) ~= "tbl" then return nil end
  local caption = caption_text(id, first_caption(tbl))
  tbl.identifier = ""
  tbl.caption.long = {}
  return make_float("tbl", id, pandoc.Div { tbl }, caption)
end

-- pandoc reads `: Caption {#tbl-x}` as the table's identifier in recent versions, as text in others
local function read_table_label(tbl)
  local long = tbl.caption.long
  if tbl.identifier ~= "" or #long == 0 then return tbl end
  local content = long[1].content
  local last = content[#content]
  local id = last and last.t == "Str" and last.text:match("^{#(tbl%-[%w._-]+)}$")
  if id then
    content:remove(#content)
    if #content > 0 and content[#content].t == "Space" then content:remove(#content) end
    tbl.identifier = id
    long[1].content = content
    tbl.caption.long = long
  end
  return tbl
end

local function lower_figure(figure)
  if kind_of(figure.identifier) ~= "fig" then return nil end
  local caption = caption_text(figure.identifier, first_caption(figure))
  return make_float("fig", figure.identifier, pandoc.Div(figure.content), caption)
end

-- A labelled image without a caption stands alone in its paragraph and is no Figure to pandoc.
local function lower_lone_image(para)
  local image = para.content[1]
  if #para.content ~= 1 or image.t ~= "Image" or kind_of(image.identifier) ~= "fig" then return nil end
  local id = image.identifier
  image.identifier = ""
  return make_float("fig", id, pandoc.Div { pandoc.Plain { image } }, caption_text(id, pandoc.Inlines {}))
end

-- $$ ... $$ {#eq-x}
local function lower_equations(inlines)
  local i = 1
  while i <= #inlines do
    local math, tag = inlines[i], inlines[i + 2]
    local id = math.t == "Math" and math.mathtype == "DisplayMath" and tag and tag.t == "Str"
      and tag.text:match("^{#(eq%-[%w._-]+)}$")
    if id then
      number(id)
      local mark = pandoc.Span({ pandoc.Str("(" .. count.eq .. ")") }, pandoc.Attr("", { "equation-number" }))
      inlines[i] = pandoc.Span({ math, mark }, pandoc.Attr(id, { "equation" }))
      inlines:remove(i + 2)
      inlines:remove(i + 1)
    end
    i = i + 1
  end
  return inlines
end

local number_everything = {
  traverse = "topdown",
  Div = function(div)
    if kind_of(div.identifier) then return lower_float(div), false end
  end,
  Figure = function(figure)
    local lowered = lower_figure(figure)
    if lowered then return lowered, false end
  end,
  Table = function(tbl)
    local lowered = lower_table(read_table_label(tbl))
    if lowered then return lowered, false end
  end,
  Para = function(para)
    local lowered = lower_lone_image(para)
    if lowered then return lowered, false end
  end,
  Inlines = lower_equations,
}

local function refer(citation)
  local text = label[citation.id]
  if not text then
    complain("unresolved cross-reference @" .. citation.id)
    text = "?" .. citation.id
  end
  local bare = text:gsub("^%a+\u{a0}", "")
  if #citation.prefix > 0 then
    text = pandoc.utils.stringify(citation.prefix) .. "\u{a0}" .. bare
  elseif citation.mode == "SuppressAuthor" then
    text = bare
  end
  return pandoc.Link({ pandoc.Str(text) }, "#" .. citation.id, "", pandoc.Attr("", { "quarto-xref" }))
end

local resolve = {
  Cite = function(cite)
    local out, found = pandoc.Inlines {}, 0
    for _, citation in ipairs(cite.citations) do
      if kind_of(citation.id) then
        found = found + 1
        if found > 1 then out:extend { pandoc.Str(","), pandoc.Space() } end
        out:insert(refer(citation))
      end
    end
    if found > 0 and found < #cite.citations then complain("a citation and a cross-reference in one bracket") end
    if found > 0 then return out end
  end,
}

function Pandoc(doc)
  return doc:walk({ Image = set_alt }):walk(number_everything):walk(resolve)
end
