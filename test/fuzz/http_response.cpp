// Whatever listens on a configured address may answer our HTTP client. Goal: nothing crashes its
// reader, bytes in pieces give the same response as bytes at once, and no body outgrows the input.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "runtime/http_message.hpp"

namespace {

using pgkeel::runtime::HttpResponse;

std::optional<HttpResponse> response_in(std::string_view text, std::size_t piece) {
  pgkeel::runtime::detail::HttpResponseReader reader(true);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    auto received = reader.feed(text.substr(at, piece));
    if (!received) return std::nullopt;
    if (*received) return std::move(**received);
  }
  auto ended = reader.finish();
  return ended ? std::optional(std::move(*ended)) : std::nullopt;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = pgkeel::test::text_of(bytes, size);
  const auto at_once = response_in(text, size + 1);
  const auto in_pieces = response_in(text, 3);
  if (!at_once || !in_pieces) return 0;  // a fault behind the response may be seen first
  CHECK(at_once->status == in_pieces->status && at_once->body == in_pieces->body);
  CHECK(at_once->body.size() <= size);
  return 0;
}
