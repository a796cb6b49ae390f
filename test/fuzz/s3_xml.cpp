// Whatever answers at a store's address is read as XML. Goal: nothing crashes or outgrows its
// input, a page that goes on says where, and what is read has the names it needs.
#include "archive/storage/s3_xml.hpp"
#include "archive/storage/xml.hpp"
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

namespace {

// One level only: the depth is bounded, a walk over all of it would not be quick.
std::size_t text_bytes(const pgkeel::archive::XmlElement& element) {
  std::size_t bytes = element.name.size() + element.text.size();
  for (const auto& child : element.children) bytes += child.name.size() + child.text.size();
  return bytes;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = pgkeel::test::text_of(bytes, size);
  const auto root = pgkeel::archive::parse_xml(text);
  if (root) CHECK(text_bytes(*root) <= size);
  CHECK(pgkeel::archive::parse_s3_problem(text).code.size() <= size);
  if (const auto page = pgkeel::archive::parse_s3_listing(text))
    for (const auto& object : page->objects) CHECK(!object.key.empty());
  if (const auto page = pgkeel::archive::parse_s3_uploads(text))
    for (const auto& upload : page->uploads) CHECK(!upload.upload_id.empty());
  if (const auto id = pgkeel::archive::parse_s3_upload_id(text)) CHECK(!id->empty());
  return 0;
}
