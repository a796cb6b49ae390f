// The HTTP listener takes bytes from anyone on the network. Goal: nothing crashes its reader, bytes
// in pieces give the same number of requests as bytes at once (a fault may be seen earlier or
// later, but never before a whole request), and no body outgrows the input.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "runtime/http_message.hpp"

namespace {

int requests_in(std::string_view text, std::size_t piece) {
  pgkeel::runtime::detail::HttpRequestReader reader;
  int requests = 0;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    auto bytes = text.substr(at, piece);
    while (true) {
      const auto received = reader.feed(bytes);
      if (!received) return requests;
      if (!*received) break;
      CHECK((*received)->request.body.size() <= text.size());
      ++requests;
      bytes = {};
    }
  }
  return requests;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = pgkeel::test::text_of(bytes, size);
  CHECK(requests_in(text, size + 1) == requests_in(text, 3));
  return 0;
}
