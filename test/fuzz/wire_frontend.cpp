// Clients may say anything. Goal: however their stream is cut the same messages come out; what the
// codec takes of them it writes again byte for byte; names are replaced without harm.
#include "fuzz/wire_walk.hpp"
#include "pg/wire/names.hpp"

namespace {

using namespace pgkeel;
using namespace pgkeel::test;

/// The message as a whole and by its front alone must agree.
void rename(wire::Message message) {
  if (message.type != frontend::Bind::kType) return;
  const wire::FrameHeader header{message.type, static_cast<std::uint32_t>(message.body.size() + 4)};
  const auto names = wire::peek_bind_names(message.body);
  const auto bind = frontend::Bind::decode(message.body);
  CHECK(!bind || names);
  ByteBuffer out;
  if (!names || !wire::append_renamed_bind(out, header, *names, {"portal", "statement"})) return;
  wire::put_bytes(out, message.body.subspan(names->bytes()));
  const auto renamed = frontend::Bind::decode(ByteSpan(out).subspan(wire::kHeaderBytes));
  CHECK(renamed.has_value() == bind.has_value());
  CHECK(!renamed || renamed->statement == "statement");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  wire::MessageReader reader(wire::Sender::Frontend, size);
  if (size > 0) reader.feed(ByteSpan(reinterpret_cast<const std::byte*>(input), size).subspan(1));
  for (auto message = reader.next(); message && *message; message = reader.next())
    rename(**message);
  return walk_and_recode(wire::Sender::Frontend, input, size);
}
