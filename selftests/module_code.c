// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <unistd.h>
#include "module_code.h"

/* Those of one table of symbols. */
static int functions_of(Elf *elf, Elf_Scn *table,
			int (*each)(const struct module_function *function, void *context),
			void *context)
{
	Elf_Data *symbols = elf_getdata(table, NULL), *bytes;
	struct module_function function;
	GElf_Shdr header, section;
	Elf_Scn *in;
	size_t names;
	GElf_Sym symbol;
	int i, ret = 0;

	if (!symbols || !gelf_getshdr(table, &header) || elf_getshdrstrndx(elf, &names))
		return -ENOEXEC;
	for (i = 0; !ret && gelf_getsym(symbols, i, &symbol); i++) {
		if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || !symbol.st_size)
			continue;
		in = elf_getscn(elf, symbol.st_shndx);
		bytes = in ? elf_rawdata(in, NULL) : NULL;
		if (!bytes || !gelf_getshdr(in, &section) ||
		    symbol.st_value + symbol.st_size > bytes->d_size)
			continue;
		function = (struct module_function) {
			.name = elf_strptr(elf, header.sh_link, symbol.st_name),
			.section = elf_strptr(elf, names, section.sh_name),
			.section_size = section.sh_size,
			.offset = symbol.st_value,
			.size = symbol.st_size,
			.code = (const unsigned char *)bytes->d_buf + symbol.st_value,
		};
		if (function.name && function.section)
			ret = each(&function, context);
	}
	return ret;
}

int module_functions(int (*each)(const struct module_function *function, void *context),
		     void *context)
{
	int fd = open(getenv("PERFRING_MODULE"), O_RDONLY | O_CLOEXEC), ret = -ENOEXEC;
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	Elf *elf;

	if (fd < 0)
		return -errno;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	while (elf && (section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
			continue;
		ret = functions_of(elf, section, each, context);
		break;
	}
	elf_end(elf);
	close(fd);
	return ret;
}
