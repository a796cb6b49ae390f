// See xml.hpp. Iterative, so that no document can exhaust the stack.
#include "archive/storage/xml.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

constexpr std::size_t kDepthMax = 16;          // S3's answers have four
constexpr std::size_t kElementsMax = 200'000;  // a page of 1000 objects with all fields has 10 000
constexpr std::size_t kEntityLengthMax = 10;   // "&#x10FFFF;"
constexpr std::string_view kSpace = " \t\r\n";

void append_utf8(std::string& text, std::uint32_t code) {
  const auto byte = [&text](std::uint32_t value) { text += static_cast<char>(value); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xC0U | (code >> 6U));
  } else {
    if (code < 0x10000) {
      byte(0xE0U | (code >> 12U));
    } else {
      byte(0xF0U | (code >> 18U));
      byte(0x80U | ((code >> 12U) & 0x3FU));
    }
    byte(0x80U | ((code >> 6U) & 0x3FU));
  }
  byte(0x80U | (code & 0x3FU));
}

bool append_entity(std::string& text, std::string_view name) {
  if (name == "lt") return text += '<', true;
  if (name == "gt") return text += '>', true;
  if (name == "amp") return text += '&', true;
  if (name == "quot") return text += '"', true;
  if (name == "apos") return text += '\'', true;
  if (!name.starts_with('#')) return false;
  const bool hex = name.starts_with("#x");
  const auto digits = name.substr(hex ? 2 : 1);
  std::uint32_t code = 0;
  const auto read = std::from_chars(digits.begin(), digits.end(), code, hex ? 16 : 10);
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (read.ec != std::errc() || read.ptr != digits.end() || code > 0x10FFFF || surrogate)
    return false;
  append_utf8(text, code);
  return true;
}

class Parser {
 public:
  explicit Parser(std::string_view document) : whole_(document), rest_(document) {}

  Result<XmlElement> parse() {
    while (!root_) {
      if (rest_.empty()) return malformed("it ends early");
      TRY_VOID(rest_.starts_with('<') ? take_markup() : take_text());
    }
    return std::move(*root_);
  }

 private:
  [[nodiscard]] std::unexpected<Error> malformed(std::string_view what) const {
    return fail(ErrorCode::Malformed, fmt::format("the XML cannot be read: {} (byte {})", what,
                                                  whole_.size() - rest_.size()));
  }

  Result<void> take_text() {
    const auto raw = rest_.substr(0, rest_.find('<'));
    if (open_.empty() && raw.find_first_not_of(kSpace) != std::string_view::npos &&
        raw != "\xEF\xBB\xBF")
      return malformed("text outside the root element");
    if (!open_.empty()) TRY_VOID(resolve(raw, open_.back().text));
    rest_.remove_prefix(raw.size());
    return {};
  }

  Result<void> resolve(std::string_view raw, std::string& into) const {
    while (!raw.empty()) {
      const auto plain = raw.substr(0, raw.find('&'));
      into += plain;
      raw.remove_prefix(plain.size());
      if (raw.empty()) break;
      const auto end = raw.substr(0, kEntityLengthMax).find(';');
      if (end == std::string_view::npos || !append_entity(into, raw.substr(1, end - 1)))
        return malformed("an unknown entity");
      raw.remove_prefix(end + 1);
    }
    return {};
  }

  Result<void> take_markup() {
    if (rest_.starts_with("<?")) return skip_past("?>");
    if (rest_.starts_with("<!--")) return skip_past("-->");
    if (rest_.starts_with("<![CDATA[")) return take_cdata();
    if (rest_.starts_with("<!")) return malformed("a document type is refused");
    if (rest_.starts_with("</")) return take_end();
    return take_start();
  }

  Result<void> skip_past(std::string_view end) {
    const auto at = rest_.find(end);
    if (at == std::string_view::npos) return malformed("it ends early");
    rest_.remove_prefix(at + end.size());
    return {};
  }

  Result<void> take_cdata() {
    constexpr std::string_view kBegin = "<![CDATA[";
    const auto end = rest_.find("]]>");
    if (end == std::string_view::npos || open_.empty()) return malformed("a stray CDATA");
    open_.back().text += rest_.substr(kBegin.size(), end - kBegin.size());
    return skip_past("]]>");
  }

  Result<void> take_start() {
    const auto end = end_of_tag();
    if (end == std::string_view::npos) return malformed("a tag without end");
    auto tag = rest_.substr(1, end - 1);
    const bool empty = tag.ends_with('/');
    if (empty) tag.remove_suffix(1);
    XmlElement element;
    element.name = local_name(tag.substr(0, tag.find_first_of(kSpace)));
    if (element.name.empty()) return malformed("a tag without name");
    if (++elements_ > kElementsMax || open_.size() >= kDepthMax)
      return malformed("too many elements");
    rest_.remove_prefix(end + 1);
    open_.push_back(std::move(element));
    if (empty) close();
    return {};
  }

  // An attribute's value may hold ">".
  [[nodiscard]] std::size_t end_of_tag() const {
    char quote = 0;
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      const char c = rest_[at];
      if (quote != 0) quote = c == quote ? '\0' : quote;
      else if (c == '"' || c == '\'') quote = c;
      else if (c == '>') return at;
      else if (c == '<') return std::string_view::npos;
    }
    return std::string_view::npos;
  }

  static std::string local_name(std::string_view name) {
    const auto colon = name.find(':');
    return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
  }

  Result<void> take_end() {
    const auto end = rest_.find('>');
    if (end == std::string_view::npos) return malformed("a tag without end");
    auto name = rest_.substr(2, end - 2);
    name = name.substr(0, name.find_first_of(kSpace));
    if (open_.empty() || open_.back().name != local_name(name))
      return malformed("an end that fits no start");
    rest_.remove_prefix(end + 1);
    close();
    return {};
  }

  void close() {
    auto element = std::move(open_.back());
    open_.pop_back();
    if (open_.empty()) root_ = std::move(element);
    else open_.back().children.push_back(std::move(element));
  }

  std::string_view whole_;
  std::string_view rest_;
  std::vector<XmlElement> open_;  // from the root to where we are
  std::optional<XmlElement> root_;
  std::size_t elements_ = 0;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
  const auto found = std::ranges::find(children, wanted, &XmlElement::name);
  return found == children.end() ? nullptr : &*found;
}

std::string XmlElement::text_of(std::string_view wanted) const {
  const auto* found = child(wanted);
  return found == nullptr ? std::string() : found->text;
}

Result<XmlElement> parse_xml(std::string_view document) { return Parser(document).parse(); }

}  // namespace pgkeel::archive
