// A document of XML as S3 writes it: elements and text, no mixed content worth keeping. Pure, for
// bytes from outside. Bounded in depth and in elements; attributes, comments and instructions are
// skipped, a document type is refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pgkeel::archive {

struct XmlElement {
  std::string name;  ///< without its namespace's prefix
  std::string text;  ///< all of it together, entities resolved
  std::vector<XmlElement> children;

  [[nodiscard]] const XmlElement* child(std::string_view wanted) const;
  /// The child's text, "" without such a child.
  [[nodiscard]] std::string text_of(std::string_view wanted) const;
};

/// The root element. Malformed.
[[nodiscard]] Result<XmlElement> parse_xml(std::string_view document);

}  // namespace pgkeel::archive
