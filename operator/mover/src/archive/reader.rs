//! Reads an archive entry by entry. One entry is in memory at a time.

use tokio::io::AsyncRead;

use super::{
    ArchiveError, ArchiveVersion, CatalogueId, DEPENDENCY_LIMIT, Entry, Header, NAME_LIMIT, STATEMENT_LIMIT,
    Section, input::Input,
};

/// An archive whose header has been read.
pub struct ArchiveReader<R> {
    input: Input<R>,
    header: Header,
    left: u32,
}

impl<R: AsyncRead + Unpin> ArchiveReader<R> {
    /// Reads and checks the header. The reader buffers by itself.
    pub async fn open(reader: R) -> Result<Self, ArchiveError> {
        let mut input = Input::new(reader);
        let header = Header::read(&mut input).await?;
        let left = header.entries;
        Ok(Self { input, header, left })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next entry, in the archive's order; `None` after the last one that the header promised.
    pub async fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        if self.left == 0 {
            return Ok(None);
        }
        let entry = self.read_entry().await?;
        self.left -= 1;
        Ok(Some(entry))
    }

    /// Makes sure that every entry was read and that nothing follows: an archive that pg_dump wrote to its end, without
    /// rows.
    pub async fn finish(mut self) -> Result<(), ArchiveError> {
        while self.next_entry().await?.is_some() {}
        if self.input.is_at_end().await? {
            Ok(())
        } else {
            Err(ArchiveError::Trailing { position: self.input.position() })
        }
    }

    async fn read_entry(&mut self) -> Result<Entry, ArchiveError> {
        let version = self.header.version;
        let input = &mut self.input;
        let id = input.count("an entry's number").await?;
        if id == 0 {
            return Err(ArchiveError::OutOfRange { position: input.position(), field: "an entry's number" });
        }
        let has_data = input.integer("whether an entry has data").await? != 0;
        let catalogue = CatalogueId {
            catalogue: input.decimal("an entry's catalogue").await?,
            object: input.decimal("an entry's object").await?,
        };
        let tag = input.text("an entry's tag", NAME_LIMIT).await?.unwrap_or_default();
        let kind = self.read_kind().await?;
        let section = self.read_section().await?;
        let input = &mut self.input;
        let definition = input.text("a definition", STATEMENT_LIMIT).await?;
        let drop_statement = input.text("a drop statement", STATEMENT_LIMIT).await?;
        let copy_statement = input.text("a copy statement", STATEMENT_LIMIT).await?;
        let namespace = input.text("a schema's name", NAME_LIMIT).await?;
        let tablespace = input.text("a tablespace's name", NAME_LIMIT).await?;
        let access_method = match version >= ArchiveVersion::WITH_ACCESS_METHOD {
            true => input.text("an access method's name", NAME_LIMIT).await?,
            false => None,
        };
        let relation_kind = match version >= ArchiveVersion::WITH_RELATION_KIND {
            true => self.read_relation_kind().await?,
            false => None,
        };
        let owner = self.input.text("an owner's name", NAME_LIMIT).await?;
        let with_oids = self.input.text("whether a table has OIDs", NAME_LIMIT).await?;
        if with_oids.is_some_and(|text| text.as_bytes() == b"true") {
            return Err(ArchiveError::WithOids { table: tag.to_string() });
        }
        let dependencies = self.read_dependencies(id).await?;
        self.skip_offset().await?;
        Ok(Entry {
            id,
            has_data,
            catalogue,
            tag,
            kind,
            section,
            definition,
            drop_statement,
            copy_statement,
            namespace,
            tablespace,
            access_method,
            relation_kind,
            owner,
            dependencies,
        })
    }

    async fn read_kind(&mut self) -> Result<String, ArchiveError> {
        const FIELD: &str = "an entry's kind";
        let position = self.input.position();
        let text = self.input.text(FIELD, NAME_LIMIT).await?;
        let text = text.ok_or(ArchiveError::Missing { position, field: FIELD })?;
        match std::str::from_utf8(text.as_bytes()) {
            Ok(kind) if kind.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => Ok(kind.to_owned()),
            _ => Err(ArchiveError::Kind { position: self.input.position() }),
        }
    }

    async fn read_section(&mut self) -> Result<Section, ArchiveError> {
        const FIELD: &str = "an entry's section";
        match self.input.integer(FIELD).await? {
            1 => Ok(Section::None),
            2 => Ok(Section::PreData),
            3 => Ok(Section::Data),
            4 => Ok(Section::PostData),
            _ => Err(ArchiveError::OutOfRange { position: self.input.position(), field: FIELD }),
        }
    }

    /// 0 stands for an entry that is no relation.
    async fn read_relation_kind(&mut self) -> Result<Option<u8>, ArchiveError> {
        const FIELD: &str = "a relation's kind";
        let number = self.input.integer(FIELD).await?;
        let kind = u8::try_from(number)
            .map_err(|_| ArchiveError::OutOfRange { position: self.input.position(), field: FIELD })?;
        Ok((kind != 0).then_some(kind))
    }

    async fn read_dependencies(&mut self, id: u32) -> Result<Vec<u32>, ArchiveError> {
        let mut dependencies = Vec::new();
        while let Some(dependency) = self.input.optional_decimal("a dependency").await? {
            if dependencies.len() == DEPENDENCY_LIMIT {
                return Err(ArchiveError::TooManyDependencies { id, limit: DEPENDENCY_LIMIT });
            }
            dependencies.push(dependency);
        }
        Ok(dependencies)
    }

    /// Where the entry's rows would be. Written to a pipe it is never known.
    async fn skip_offset(&mut self) -> Result<(), ArchiveError> {
        const FIELD: &str = "the state of an entry's rows";
        if !matches!(self.input.byte(FIELD).await?, 1..=3) {
            return Err(ArchiveError::OutOfRange { position: self.input.position(), field: FIELD });
        }
        let mut bytes = [0; 8];
        let used = usize::from(self.header.offset_bytes);
        self.input.exact(&mut bytes[..used], "the place of an entry's rows").await
    }
}
