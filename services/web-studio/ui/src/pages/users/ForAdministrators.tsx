import { useMay, useMe } from '~/session/hooks';
import { EmptyTeach, Loading } from '~/ui';
import { grantsText } from './grants';

/** What stands here for who does not look after users. */
export function ForAdministrators() {
  const me = useMe();
  const { reason } = useMay('admin', 'identity');
  if (!me) return <Loading what="your roles" />;
  return (
    <EmptyTeach title="Users are for administrators">
      {reason} You are {me.name}, {grantsText(me.grants)}.
    </EmptyTeach>
  );
}
