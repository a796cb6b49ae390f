// The promise that a message costs no allocation, kept by counting them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "pg/wire/backend_messages.hpp"
#include "pg/wire/frontend_messages.hpp"
#include "pg/wire/message_collector.hpp"
#include "pg/wire/names.hpp"

namespace {

std::size_t allocations = 0;

}  // namespace

// Of the whole program of unit tests: they count, and otherwise do what the library's do.
void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace pgkeel::pg::wire {
namespace {

TEST(Allocation, NoneForMessagesThatAreReadAndWritten) {
  // Goal: walking, collecting, decoding, renaming and building messages allocates nothing while the
  // buffer has room.
  ByteBuffer stream, out;
  const Value values[] = {"a value", std::nullopt};
  const std::span<const Format> formats;
  frontend::append_parse(stream, "s", "select $1, $2", std::span<const Oid>());
  frontend::append_bind(stream, "", "s", formats, std::span(values), formats);
  out.reserve(1U << 16U);
  const auto before = allocations;
  std::size_t parameters = 0;
  for (int i = 0; i < 100; ++i) {
    FrameCursor cursor(Sender::Frontend);
    MessageCollector collector(4096);
    ByteSpan chunk(stream);
    while (const auto piece = cursor.next(chunk).value()) {
      const auto message = collector.add(*piece).value();
      if (message->type == frontend::Parse::kType) {
        CHECK(frontend::Parse::decode(message->body).has_value());
        continue;
      }
      const auto bind = frontend::Bind::decode(message->body);
      for (const auto& value : bind->parameters) parameters += value.has_value();
      CHECK(append_renamed_bind(out, piece->header, *peek_bind_names(message->body), {"", "x"}));
    }
    backend::append_data_row(out, std::span(values));
    append(out, backend::ReadyForQuery());
  }
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_EQ(parameters, 100U);
}

}  // namespace
}  // namespace pgkeel::pg::wire
