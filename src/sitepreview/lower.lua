-- After citeproc: everything that the site drawer need not understand becomes finished HTML, hidden from it in a comment
-- (hexadecimal, so that no parser can meet anything in it); the Python side puts it back into the drawn page.
-- What stays Markdown: headings, code blocks, callouts, tabsets, margin notes, and the divs around them.

-- No highlighting here: each part is written on its own, and the lines of a highlighted block would share identifiers
local options = pandoc.WriterOptions { html_math_method = "mathml", wrap_text = "none", highlight_method = "none" }
local MARK = "sitepreview-html:"

local function to_html(blocks)
  return pandoc.write(pandoc.Pandoc(blocks), "html5", options)
end

local function hide(html)
  local hex = html:gsub(".", function(c) return string.format("%02x", c:byte()) end)
  return pandoc.RawBlock("html", "<!--" .. MARK .. hex .. "-->")
end

local function has_class(div, start)
  for _, class in ipairs(div.classes) do
    if class:sub(1, #start) == start then return true end
  end
  return false
end

local function drawn_by_site(div)
  return has_class(div, "callout-") or has_class(div, "panel-tabset") or has_class(div, "column-margin")
end

local function stays(block)
  if block.t == "Header" or block.t == "CodeBlock" then return true end
  if block.t ~= "Div" or block.classes:includes("quarto-float") or block.classes:includes("cell-output") then return false end
  if drawn_by_site(block) then return true end
  for _, child in ipairs(block.content) do
    if stays(child) then return true end
  end
  return false
end

-- Footnotes are numbered over the whole page, though its parts are written one by one.
local notes = pandoc.List {}

local function take_note(note)
  notes:insert(note.content)
  local n = #notes
  return pandoc.RawInline("html", string.format(
    '<a href="#fn%d" class="footnote-ref" id="fnref%d" role="doc-noteref"><sup>%d</sup></a>', n, n, n))
end

local function write_notes()
  if #notes == 0 then return nil end
  local rows = {}
  for n, blocks in ipairs(notes) do
    local back = string.format(
      '<a href="#fnref%d" class="footnote-back" role="doc-backlink" aria-label="Back to the text">↩︎</a>', n)
    local last = blocks[#blocks]
    if last.t == "Para" or last.t == "Plain" then
      last.content:extend { pandoc.Space(), pandoc.RawInline("html", back) }
    else
      blocks:insert(pandoc.Plain { pandoc.RawInline("html", back) })
    end
    rows[n] = string.format('<li id="fn%d">%s</li>', n, to_html(blocks))
  end
  return hide('<section id="footnotes" class="footnotes" role="doc-endnotes"><hr /><ol>'
    .. table.concat(rows) .. "</ol></section>")
end

local function plain_heading(header)
  header.content = header.content:walk {
    Math = function(math) return pandoc.Code(math.text) end,
    Cite = function(cite) return cite.content end,
    Link = function(link) return link.content end,
    RawInline = function() return {} end,
    -- the site drawer takes $ for mathematics
    Str = function(str)
      if not str.text:find("$", 1, true) then return nil end
      local text = str.text:gsub("&", "&amp;"):gsub("<", "&lt;"):gsub(">", "&gt;"):gsub("%$", "&#36;")
      return pandoc.RawInline("html", text)
    end,
  }
  return header
end

local lower_blocks

local function lower_block(block)
  if block.t == "Header" then return plain_heading(block) end
  if block.t == "Div" then block.content = lower_blocks(block.content) end
  return block
end

-- A tabset's headings name its tabs; the text between two headings is a tab.
function lower_blocks(blocks)
  local out, run = pandoc.Blocks {}, pandoc.Blocks {}
  local function flush()
    if #run > 0 then out:insert(hide(to_html(run))) end
    run = pandoc.Blocks {}
  end
  for _, block in ipairs(blocks) do
    if stays(block) then
      flush()
      out:insert(lower_block(block))
    else
      run:insert(block)
    end
  end
  flush()
  return out
end

local function visible(div)
  if div.classes:includes("content-visible") then
    return (div.attributes["when-format"] or "html") == "html" and div.content or {}
  end
end

-- Without a #refs div of its own, a page ends with the heading References and the list.
local function head_references(blocks)
  local last = blocks[#blocks]
  if not last or last.t ~= "Div" or last.identifier ~= "refs" or #last.content == 0 then return blocks end
  local before = blocks[#blocks - 1]
  if before and before.t == "Header" then return blocks end
  blocks:insert(#blocks, pandoc.Header(2, "References", pandoc.Attr("references", { "unnumbered" })))
  return blocks
end

-- A wide table scrolls in a box of its own.
local function style_table(tbl)
  if not tbl.classes:includes("table") then tbl.classes:insert("table") end
  return pandoc.Div({ tbl }, pandoc.Attr("", { "table-scroll" }))
end

local function wrap_raw_table(raw)
  if raw.format ~= "html" then return nil end
  raw.text = raw.text:gsub("^%s*<table[%s>]", '<div class="table-scroll">%0'):gsub("</table>%s*$", "%0</div>")
  return raw
end

function Pandoc(doc)
  doc = doc:walk { Div = visible, Table = style_table, RawBlock = wrap_raw_table }
  doc.blocks = head_references(doc.blocks)
  doc = doc:walk { traverse = "topdown", Note = function(note) return take_note(note), false end }
  local blocks = lower_blocks(doc.blocks)
  local list = write_notes()
  if list then blocks:insert(list) end
  doc.blocks = blocks
  return doc
end
