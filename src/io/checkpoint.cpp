#include "serried/io/checkpoint.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

#include "io/checkpoint_text.hpp"
#include "serried/base/build_info.hpp"
#include "serried/base/error.hpp"
#include "serried/base/fingerprint.hpp"
#include "serried/comm/agree.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/table_file.hpp"

namespace serried {
namespace {

/// Of the file: how the state stands in it.
constexpr std::int64_t file_format = 1;

std::string dataset_of(const std::string& name) {
  return "/state/" + name;
}

void check_names(const Checkpoint& checkpoint) {
  const auto require = [](bool is_good, const std::string& name) {
    if (!is_good) throw InvalidArgument("a checkpoint cannot hold '" + name + "'");
  };
  const auto check_text = [&](const std::string& text) {
    require(text.find_first_of("\t\n") == std::string::npos, text);
  };
  const auto check_name = [&](const std::string& name) {
    require(!name.empty() &&
                std::ranges::all_of(
                    name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; }),
            name);
  };
  check_text(checkpoint.kind);
  for (const auto& [name, value] : checkpoint.belongs_to) {
    check_text(name);
    check_text(value);
  }
  for (const auto& [name, values] : checkpoint.numbers) check_name(name);
  for (const auto& [name, values] : checkpoint.counts) {
    check_name(name);
    require(!checkpoint.numbers.contains(name), name);
  }
  for (const auto& [name, array] : checkpoint.rows) {
    check_name(name);
    require(!checkpoint.numbers.contains(name) && !checkpoint.counts.contains(name), name);
  }
}

/// Of a distributed array: each row's bytes and number, added up, so that ranks do not count.
/// Collective.
std::uint64_t hash_of_rows(const Context& ctx, const Array& array) {
  const RowRange own = array.local_rows();
  const auto row_bytes = static_cast<std::size_t>(array.row_bytes());
  std::uint64_t sum = 0;
  if (!array.is_replicated() || ctx.rank() == 0)
    for (std::int64_t row = own.begin; row < own.end; ++row) {
      Fingerprint hash;
      hash.add(static_cast<std::uint64_t>(row));
      hash.add(std::span(array.local_data() + static_cast<std::size_t>(row - own.begin) * row_bytes,
                         row_bytes));
      sum += hash.value();
    }
  return ctx.comm().allreduce(sum, ReduceOp::sum);
}

/// Of everything in a checkpoint. Collective.
std::string hash_of(const Context& ctx, const Checkpoint& checkpoint) {
  Fingerprint hash;
  hash.add(checkpoint.kind);
  hash.add(static_cast<std::uint64_t>(checkpoint.format));
  hash.add(checkpoint.version);
  hash.add(text_of(checkpoint.belongs_to));
  for (const auto& [name, values] : checkpoint.numbers) {
    hash.add(name);
    hash.add(std::span<const double>(values));
  }
  for (const auto& [name, values] : checkpoint.counts) {
    hash.add(name);
    hash.add(std::span<const std::int64_t>(values));
  }
  for (const auto& [name, array] : checkpoint.rows) {
    hash.add(name);
    hash.add(hash_of_rows(ctx, array));
  }
  return hash.text();
}

StateDirectory list_state(const Checkpoint& checkpoint) {
  StateDirectory directory;
  for (const auto& [name, values] : checkpoint.numbers)
    directory.push_back({'n', static_cast<std::int64_t>(values.size()), name});
  for (const auto& [name, values] : checkpoint.counts)
    directory.push_back({'c', static_cast<std::int64_t>(values.size()), name});
  for (const auto& [name, array] : checkpoint.rows)
    directory.push_back({'r', array.shape().elements(), name});
  return directory;
}

/// All but the distributed arrays, read by one rank.
struct FileContent {
  Checkpoint checkpoint;
  std::string directory;
  std::string hash;
};

/// Local. @throws IoError.
FileContent read_content(const std::string& path) {
  FileContent content;
  const TableFile file(path);  // says what is wrong with a file that is no HDF5, or cut off
  Checkpoint& checkpoint = content.checkpoint;
  try {
    checkpoint.kind = file.text_attribute("/", "checkpoint_of");
  } catch (const Error&) {
    throw IoError(path + " is no checkpoint: it has no attribute 'checkpoint_of'");
  }
  try {
    const std::int64_t format = file.i64_attribute("/", "checkpoint_format").at(0);
    if (format != file_format)
      throw IoError("its format is " + std::to_string(format) + "; this version reads " +
                    std::to_string(file_format));
    checkpoint.format = file.i64_attribute("/", "state_format").at(0);
    checkpoint.version = file.text_attribute("/", "checkpoint_version");
    checkpoint.belongs_to = facts_of(file.text_attribute("/", "belongs_to"));
    content.hash = file.text_attribute("/", "hash");
    content.directory = file.text_attribute("/", "state");
    for (const StateEntry& entry : directory_of(content.directory)) {
      if (entry.type == 'r' || entry.elements == 0) {
        if (entry.type == 'n') checkpoint.numbers[entry.name];
        if (entry.type == 'c') checkpoint.counts[entry.name];
        continue;
      }
      require_elements(path, dataset_of(entry.name), entry.elements);
      if (entry.type == 'n')
        checkpoint.numbers[entry.name] = file.read_f64(dataset_of(entry.name)).values;
      else
        checkpoint.counts[entry.name] = file.read_i64(dataset_of(entry.name)).values;
    }
  } catch (const std::exception& error) {
    throw IoError("the checkpoint " + path + " is damaged: " + error.what());
  }
  return content;
}

template <class T>
void broadcast_values(const Communicator& comm, std::int64_t count, std::vector<T>& values) {
  values.resize(static_cast<std::size_t>(count));
  comm.broadcast(std::span<T>(values), 0);
}

/// Gives all ranks what rank 0 has read.
/// Collective.
void broadcast_content(const Communicator& comm, FileContent& content) {
  Checkpoint& checkpoint = content.checkpoint;
  checkpoint.kind = comm.broadcast_text(checkpoint.kind, 0);
  checkpoint.format = comm.broadcast(checkpoint.format, 0);
  checkpoint.version = comm.broadcast_text(checkpoint.version, 0);
  checkpoint.belongs_to = facts_of(comm.broadcast_text(text_of(checkpoint.belongs_to), 0));
  content.directory = comm.broadcast_text(content.directory, 0);
  content.hash = comm.broadcast_text(content.hash, 0);
  for (const StateEntry& entry : directory_of(content.directory)) {
    if (entry.type == 'n')
      broadcast_values(comm, entry.elements, checkpoint.numbers[entry.name]);
    else if (entry.type == 'c')
      broadcast_values(comm, entry.elements, checkpoint.counts[entry.name]);
  }
}

/// Collective over the context's ranks.
/// @param ranks that have come to this state.
void write_content(const Context& ctx, int ranks, const std::string& path,
                   const Checkpoint& checkpoint, const std::string& hash,
                   const Provenance& provenance) {
  FileWriter writer(ctx, path);
  const auto write = [&](const std::string& name, const auto& values) {
    if (!values.empty())
      writer.write(dataset_of(name), Shape{static_cast<std::int64_t>(values.size())}, values);
  };
  for (const auto& [name, values] : checkpoint.numbers) write(name, values);
  for (const auto& [name, values] : checkpoint.counts) write(name, values);
  for (const auto& [name, array] : checkpoint.rows) writer.write(dataset_of(name), array);
  writer.set_attribute("/", "checkpoint_of", checkpoint.kind);
  writer.set_attribute("/", "checkpoint_format", file_format);
  writer.set_attribute("/", "state_format", checkpoint.format);
  writer.set_attribute("/", "checkpoint_version", checkpoint.version);
  writer.set_attribute("/", "belongs_to", text_of(checkpoint.belongs_to));
  writer.set_attribute("/", "state", text_of(list_state(checkpoint)));
  writer.set_attribute("/", "hash", hash);
  writer.write_provenance(provenance);
  writer.set_attribute("/", "ranks", std::to_string(ranks));
  writer.set_attribute("/", "devices", ctx.device()->description());
  writer.commit();
}

}  // namespace

void save_checkpoint(const Context& ctx, const std::string& path, const Checkpoint& checkpoint,
                     const Provenance& provenance) {
  check_names(checkpoint);
  const std::string hash = hash_of(ctx, checkpoint);
  if (!checkpoint.rows.empty() || ctx.size() == 1) {
    write_content(ctx, ctx.size(), path, checkpoint, hash, provenance);
    return;
  }
  // One rank writes what all ranks have: the many small writes of a file need no collective calls.
  const auto lone = ctx.comm().split(ctx.rank() == 0 ? 0 : -1, 0);
  agree_on_root(ctx.comm(), 0, [&] {
    write_content(ctx.with_communicator(*lone), ctx.size(), path, checkpoint, hash, provenance);
  });
}

Checkpoint load_checkpoint(const Context& ctx, const std::string& path,
                           const std::optional<FileCheck>& untrusted) {
  FileContent content;
  agree_on_root(ctx.comm(), 0, [&] {
    if (untrusted) check_table_file(path, *untrusted);
    content = read_content(path);
  });
  broadcast_content(ctx.comm(), content);
  Checkpoint& checkpoint = content.checkpoint;
  for (const StateEntry& entry : directory_of(content.directory)) {
    if (entry.type != 'r') continue;
    Address address;
    address.text = path + ":" + dataset_of(entry.name);
    address.path = path;
    address.object = dataset_of(entry.name);
    const Dataset dataset =
        Dataset::open(ctx, address, {.is_decoding = false, .untrusted = untrusted});
    checkpoint.rows.emplace(entry.name, dataset.to_array());
  }
  if (hash_of(ctx, checkpoint) != content.hash)
    throw RankError(
        0, ErrorKind::io,
        "the checkpoint " + path + " is damaged: its content does not fit the hash in it");
  return std::move(content.checkpoint);
}

void require_same(const Checkpoint& checkpoint, const std::string& kind, std::int64_t format,
                  const Checkpoint::Facts& expected) {
  std::string differences;
  const auto compare = [&](const std::string& name, const std::string& there,
                           const std::string& here) {
    if (there != here)
      differences += (differences.empty() ? "" : "; ") + name + ": " +
                     (there.empty() ? "none" : there) + " there, " +
                     (here.empty() ? "none" : here) + " here";
  };
  compare("computation", checkpoint.kind, kind);
  // Where that differs, nothing else can be compared.
  if (differences.empty()) {
    compare("version of Serried", checkpoint.version, std::string(build_info().version));
    compare("format of the state", std::to_string(checkpoint.format), std::to_string(format));
    for (const auto& [name, value] : expected) {
      const auto found =
          std::ranges::find(checkpoint.belongs_to, name, &Checkpoint::Facts::value_type::first);
      compare(name, found == checkpoint.belongs_to.end() ? "" : found->second, value);
    }
  }
  if (!differences.empty())
    throw InvalidArgument("the checkpoint belongs to another computation: " + differences);
}

std::string fingerprint_rows(const Context& ctx, const TileSource& source) {
  constexpr std::int64_t most_rows = 64;
  const std::int64_t count = std::min(most_rows, source.rows());
  const auto row_at = [&](std::int64_t i) {
    return count < 2 ? 0
                     : static_cast<std::int64_t>(static_cast<double>(i) *
                                                 static_cast<double>(source.rows() - 1) /
                                                 static_cast<double>(count - 1));
  };
  const ReadPlan plan =
      source.plan(Leaves::single_tiles(source.layout()), ctx.options().batch_bytes, ctx.rank());
  std::vector<std::uint8_t> wanted(plan.batches.size(), 0);
  for (std::size_t batch = 0; batch < wanted.size(); ++batch)
    for (std::int64_t i = 0; i < count; ++i)
      if (plan.batches[batch].contains(row_at(i))) wanted[batch] = 1;
  ctx.comm().allreduce(std::span<std::uint8_t>(wanted), ReduceOp::max);
  const auto row_bytes = static_cast<std::size_t>(source.row_bytes());
  std::uint64_t sum = 0;
  Buffer scratch;
  std::vector<std::byte> row(row_bytes);
  read_batches(
      ctx.comm(), source, plan, scratch,
      [&](std::size_t, const TileView& view) {
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t number = row_at(i);
          if (!view.rows.contains(number)) continue;
          const std::byte* from =
              view.data + static_cast<std::size_t>(number - view.rows.begin) * row_bytes;
          if (view.place == DeviceKind::host)
            std::memcpy(row.data(), from, row_bytes);
          else
            ctx.device()->copy_to_host(row.data(), from, row_bytes);
          Fingerprint hash;
          hash.add(static_cast<std::uint64_t>(i));
          hash.add(std::span<const std::byte>(row));
          sum += hash.value();
        }
      },
      wanted);
  Fingerprint whole;
  whole.add(ctx.comm().allreduce(sum, ReduceOp::sum));
  return std::to_string(source.rows()) + " rows of " + source.row_shape().to_string() + " " +
         std::string(name(source.dtype())) + ", content " + whole.text();
}

}  // namespace serried
