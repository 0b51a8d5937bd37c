import { Content, Flex, FlexItem, PageSection, Title } from '@patternfly/react-core';
import { type ReactNode, useEffect } from 'react';

interface Props {
  /** Also the title of the browser's tab. */
  title: string;
  /** One sentence: what this page is for. */
  lead?: ReactNode;
  /** Buttons and the like, at the right of the title. */
  actions?: ReactNode;
  children: ReactNode;
  /** The content takes the rest of the window's height and scrolls by itself, as a list of log records does. */
  fill?: boolean;
}

/** The frame of a page: one h1, its actions, its content. */
export function PageFrame({ title, lead, actions, children, fill }: Props) {
  useEffect(() => {
    document.title = `${title} · signalbox studio`;
  }, [title]);
  return (
    <>
      <PageSection className="sb-head">
        <Flex justifyContent={{ default: 'justifyContentSpaceBetween' }} alignItems={{ default: 'alignItemsCenter' }}>
          <FlexItem>
            <Title headingLevel="h1" size="2xl">
              {title}
            </Title>
            {lead && <Content component="p">{lead}</Content>}
          </FlexItem>
          {actions && <FlexItem>{actions}</FlexItem>}
        </Flex>
      </PageSection>
      <PageSection isFilled className={fill ? 'sb-body sb-fill' : 'sb-body'}>
        {children}
      </PageSection>
    </>
  );
}
